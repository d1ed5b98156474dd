// @ts-check
/** @import { ShelfCard } from './api-types.d.ts' */
// One card of the shelf.

import { $, el, icon, iconButton } from './dom.js';
import { t } from './language.js';
import { bytesOf } from './model-words.js';
import { keep, pictureOf } from './shelf-models.js';
import { familyOf } from './shelf-list.js';
import { tagText } from './shelf-use.js';
import { state } from './state.js';
import { complain } from './toast.js';

/** What a model made for another family says. @type {(card: ShelfCard, checkpoint: {family: string, family_title: string}) => string} */
export const foreignWords = (card, checkpoint) => t('For {family}, the checkpoint is {other}', { family: familyOf(card), other: familyOf(checkpoint) });

/**
 * @param {ShelfCard} card
 * @param {{foreign: ShelfCard | null, press: (card: ShelfCard) => void, look: (card: ShelfCard) => void}} told `foreign`: the checkpoint that it was not made for
 */
export function cardNode(card, { foreign, press, look }) {
  const short = card.name.slice(card.name.lastIndexOf('/') + 1), picture = pictureOf(card);
  const about = card.error || (foreign ? foreignWords(card, foreign) : card.kind === 'style' ? card.notes : [familyOf(card), card.size && bytesOf(card.size)].filter(Boolean).join(' · '));
  const main = el('button.shelf-main', { type: 'button', title: card.error || (card.title && card.title !== short ? `${card.name}: ${card.title}` : card.name), onclick: () => press(card), draggable: String(!card.error && !['checkpoint', 'vae', 'style'].includes(card.kind)) },
    card.kind !== 'style' && (picture && !card.error ? el('img', { alt: '', decoding: 'async', draggable: 'false', 'data-src': picture }) : el('span.shelf-blank', {}, icon(card.error ? 'info' : 'picture'))),
    el('span.shelf-text', {}, el('b', {}, short), el('small', { class: card.error ? 'danger' : '' }, about)));
  main.ondragstart = (/** @type {DragEvent} */ event) => event.dataTransfer?.setData('text/plain', tagText(card));
  const star = card.kind === 'style' ? null : state.admin
    ? el('button.shelf-star', { type: 'button', title: t('Favourite'), 'aria-label': t('Favourite: {short}', { short }), onclick: () => keep(card, { favourite: !card.favourite }).catch(complain) }, '★')
    : card.favourite && el('span.shelf-star', {}, '★');
  return el('div.shelf-card', { role: 'listitem', 'data-id': card.id, ...(card.error && { 'data-broken': true }), ...(foreign && { 'data-foreign': true }) },
    main, el('span.shelf-mark', { hidden: true }), star, card.kind !== 'style' && iconButton('info', t('More of {short} (I)', { short }), () => look(card), { class: 'tool shelf-more' }));
}

/**
 * What changes on a card: whether it is in use, told of below, or where the Tab key stops.
 * @param {any} node
 * @param {ShelfCard} card
 * @param {{mark?: string, isOpen: boolean, isStop: boolean}} now
 */
export function markCard(node, card, { mark, isOpen, isStop }) {
  const badge = $('.shelf-mark', node), main = $('.shelf-main', node);
  badge.hidden = mark === undefined;
  badge.textContent = mark ?? '';
  node.toggleAttribute('data-used', mark !== undefined);
  node.toggleAttribute('data-open', isOpen);
  main.tabIndex = isStop ? 0 : -1;
  main.setAttribute('aria-pressed', String(mark !== undefined));
  for (const each of node.querySelectorAll('button:not(.shelf-main)')) each.tabIndex = isStop ? 0 : -1;
  $('button.shelf-star', node)?.setAttribute('aria-pressed', String(card.favourite));
}
