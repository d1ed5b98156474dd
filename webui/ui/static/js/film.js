// @ts-check
/** @import { PageImage } from './page-types.d.ts' */
// The filmstrip below a large picture: its neighbours, one tab stop, only those near it.

import { images } from './api.js';
import { $, $$, el } from './dom.js';
import { promptOf } from './format.js';
import { t } from './language.js';

const MOST = 60;
const NEAR = 8;  // the strip is made anew when its end is as near as that

/**
 * `choose(image)` is called when one is pressed.
 * @param {(image: PageImage) => void} choose
 */
export function makeFilm(choose) {
  const node = el('div.film', { role: 'listbox', 'aria-label': t('Pictures'), 'aria-orientation': 'horizontal' });
  /** @type {readonly PageImage[]} */
  let shown = [];
  let first = 0;
  const tile = (image, n) => el('button', { type: 'button', role: 'option', 'data-id': image.id, 'aria-label': `${first + n + 1}, ${promptOf(image)}`, tabindex: -1, style: `aspect-ratio: ${shape(image)}`, disabled: !image.id, onclick: () => choose(image) },
    image.id && el('img', { src: images.thumb(image.id), alt: '', loading: 'lazy', decoding: 'async' }));
  /**
   * @param {readonly PageImage[]} list
   * @param {number} at
   */
  function draw(list, at) {
    /** @type {{focused: boolean} | null} */
    let renewed = null;
    const fits = at - first >= (first ? NEAR : 0) && (at < first + shown.length - NEAR || first + shown.length === list.length);
    if (!fits || shown.some((each, n) => each.id !== list[first + n]?.id)) {
      first = Math.max(0, Math.min(at - MOST / 2, list.length - MOST));
      shown = list.slice(first, first + MOST);
      const focused = node.contains(document.activeElement);
      node.replaceChildren(...shown.map(tile));
      renewed = { focused };
    }
    for (const each of $$('[aria-selected=true]', node)) mark(each, false);
    const now = node.children[at - first];
    if (now) mark(now, true);
    if (renewed) settle(renewed.focused);
  }
  /** The focus goes to the present picture, so that there is always a ring, and into the middle. @param {boolean} focus */
  function settle(focus) {
    const now = $('[aria-selected=true]', node);
    if (!now) return;
    if (focus) now.focus({ preventScroll: true });
    node.scrollLeft += now.getBoundingClientRect().left + now.offsetWidth / 2 - node.getBoundingClientRect().left - node.clientWidth / 2;
  }
  return { node, draw, settle };
}

const mark = (tile, on) => {
  tile.setAttribute('aria-selected', String(on));
  tile.tabIndex = on ? 0 : -1;
};

/** @param {PageImage} image */
const shape = ({ width, height }) => Math.min(Math.max((width || 1) / (height || 1), 0.4), 2.5);
