// @ts-check
// The shelf before it is first opened: what it is made of is fetched then. Its search field stands at once, so that no key is lost meanwhile.

import { el } from './dom.js';
import { t } from './language.js';
import { later } from './later.js';
import { changed } from './shelf-models.js';
import { watchPrompts } from './shelf-use.js';
import { parts } from './state.js';

export function watchShelf() {
  watchPrompts();
  /** @type {any} */
  let begun = null;
  const shelf = later(async () => {
    const { makeShelf } = await import('./shelf.js');
    parts.shelf = makeShelf(begun);
    return true;
  });
  const wish = (/** @type {'open' | 'toggle'} */ how) => async (/** @type {string | undefined} */ kind) => {
    begun ??= begin();
    if (!(await shelf())) { begun.box.remove(); begun = null; }
    else if (parts.shelf !== door) parts.shelf[how](kind);
  };
  const door = parts.shelf = { open: wish('open'), toggle: wish('toggle'), escape: () => false, changed };
}

/** The empty drawer with its search field, which has the focus, and what had it before. */
function begin() {
  const before = document.activeElement;
  const search = el('input.search', { type: 'search', placeholder: t('Name, trigger word, note'), 'aria-label': t('Find on the shelf'), spellcheck: 'false', autocomplete: 'off' });
  const box = el('aside.shelf', { id: 'shelf', 'aria-label': t('Shelf'), 'aria-busy': 'true' }, el('div.shelf-find', {}, search));
  document.body.append(box);
  search.focus({ preventScroll: true });
  return { box, search, before };
}
