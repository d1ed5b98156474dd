// @ts-check
/** @import { ShelfCard } from './api-types.d.ts' */
// Under the checkpoint, as long as the model that ships is the only one: what it is, and the way to one that draws everything.

import { models } from './api.js';
import { button, el } from './dom.js';
import { t } from './language.js';
import { bytesOf, comeOf } from './model-words.js';
import { getAndMake, isRemoved, tell, waitsFor } from './picture-waits.js';
import { known, whenKnown } from './shelf-models.js';
import { component, state } from './state.js';
import { go } from './tabs.js';
import { complain } from './toast.js';

/** Whether there is nothing to draw with but the model that ships. @type {(cards: ShelfCard[]) => boolean} */
const isFirst = (cards) => cards.filter((card) => card.kind === 'checkpoint' && !card.error).length === 1;

component('first-visit', (root) => {
  const told = el('p', { role: 'status' }), acts = el('div.row-of-buttons'), come = el('p', { hidden: true });
  let asked = false, isKnown = false;
  root.hidden = document.documentElement.dataset.firstVisit === undefined;  // else the server left the place for it
  root.append(told, acts, come);

  /** The model to begin with that fits this machine best, in one click. No site is asked before it. */
  async function offer() {
    const { starters } = /** @type {any} */ (await models.starters());
    const first = starters.find((each) => each.kind === 'checkpoint');
    if (!first) return;
    const get = button('save', t('Get {title} and make my picture with it', { title: first.title }), () => getAndMake(first).catch(complain), { title: first.why });
    acts.replaceChildren(get, button('eye', t('More models to begin with'), () => go('models')));
    told.append(' ', t('{title} ({size}, {licence}) draws everything.', { title: first.title, size: bytesOf(first.size), licence: first.licence }));
  }

  /** With a place elsewhere the model that ships makes nothing. */
  function look() {
    root.hidden = !isFirst(known.cards) || !['', 'auto', 'here'].includes(state.place.where);
    if (root.hidden || asked) return;
    asked = true;
    told.textContent = t('The model that comes with Darkroom is a toy: it draws 150 simple things at 128 pixels.');
    if (state.admin) offer().catch(complain);
  }

  whenKnown(() => { isKnown = true; look(); });
  return {
    draw: () => { if (isKnown) look(); },
    download(told) {
      if (isRemoved(told) && come.dataset.id === told.id) come.hidden = true;
      if (isRemoved(told) || !waitsFor(told.id)) return;
      come.hidden = false;
      come.dataset.id = told.id;
      come.replaceChildren(told.error || `${told.title}: ${comeOf(told)}`);
      if (told.state === 'paused' || told.state === 'failed') come.append(' ', button('play', t('Resume'), () => models.resume(told.id, '').then(tell, complain)));
    },
  };
});
