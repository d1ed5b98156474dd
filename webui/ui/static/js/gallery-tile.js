// @ts-check
// A picture of the gallery: a button that opens it, a tick that chooses it, and how it is marked.

/** @import { PageImage } from './page-types.d.ts' */

import { images } from './api.js';
import { spoken } from './contact-sheet.js';
import { $, el } from './dom.js';
import { promptOf } from './format.js';
import { t } from './language.js';

export const newTile = () => el('div.tile', { role: 'listitem' },
  el('button.thumb', { type: 'button' }),
  el('button.tick', { type: 'button', role: 'checkbox', 'aria-checked': 'false', 'aria-label': t('Choose'), title: t('Choose (Ctrl+click; Shift+click: all up to here)'), tabindex: -1 }),
  el('span.marks', { 'aria-hidden': 'true' }));

/**
 * What a tile shows: the picture as soon as its record is there, and its marks.
 * @param {any} tile
 * @param {PageImage} image
 */
export function fillTile(tile, image) {
  const { rating = 0, flag = 0 } = image;
  const open = $('.thumb', tile);
  if (tile.dataset.id !== image.id) {
    tile.dataset.id = image.id;
    open.title = image.id ? promptOf(image) : '';
    open.replaceChildren(...(image.id ? [el('img', { src: images.thumb(image.id), alt: '', loading: 'lazy', decoding: 'async', width: image.width, height: image.height })] : []));
  }
  open.setAttribute('aria-label', image.id ? spoken(promptOf(image), image) : t('Loading'));
  tile.dataset.flag = flag;
  $('.marks', tile).textContent = `${flag === 1 ? '⚑ ' : ''}${rating ? '★'.repeat(rating) : ''}`;
}
