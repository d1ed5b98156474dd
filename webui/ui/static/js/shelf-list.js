// @ts-check
/** @import { ShelfCard } from './api-types.d.ts' */

import { t } from './language.js';

// What of all models the shelf shows, in which order, and which of them are in sight.

/** @typedef {{kind: string, q: string, sort: 'name' | 'used' | 'added' | 'size', fits: boolean, favourite: boolean, broken: boolean, folder: string}} ShelfWish */

/** The kinds that something can be done with, and their tabs' words. */
export const KINDS = /** @type {const} */ ([['checkpoint', t('Checkpoints')], ['lora', t('LoRA')], ['embedding', t('Embeddings')], ['hypernetwork', t('Hypernetworks')], ['vae', 'VAE'], ['style', t('Styles')]]);

/** @type {Record<string, string>} */
const SHORT = { sd1: 'SD 1.5', sd2: 'SD 2', sdxl: 'SDXL', 'sdxl-refiner': 'SDXL refiner', sd3: 'SD 3', flux: 'Flux', 'qwen-image': 'Qwen-Image' };
const NOBODY_KNOWS = new Set(['', 'unknown', 'unet-only']);

/** A family in as few letters as there are. @type {(card: {family: string, family_title: string}) => string} */
export const familyOf = ({ family, family_title: title }) => (NOBODY_KNOWS.has(family) ? '' : SHORT[family] ?? title ?? family);

/** @type {(name: string) => string} */
export const folderOf = (name) => name.slice(0, Math.max(name.lastIndexOf('/'), 0));

/**
 * Whether a model was made for the family of the checkpoint; what is not known may be.
 * @param {{family: string, kind: string}} card
 * @param {{family: string} | null | undefined} checkpoint
 */
export const isForeign = (card, checkpoint) =>
  Boolean(checkpoint) && card.kind !== 'checkpoint' && card.kind !== 'style' && !NOBODY_KNOWS.has(card.family) && !NOBODY_KNOWS.has(checkpoint?.family ?? '') && card.family !== checkpoint?.family;

/** @type {WeakMap<object, string>} */
const texts = new WeakMap();

/** What of a card is searched. @param {ShelfCard} card */
function textOf(card) {
  let text = texts.get(card);
  if (text === undefined) texts.set(card, text = [card.name, card.alias, card.title, card.notes, familyOf(card), ...card.triggers].join('\n').toLowerCase());
  return text;
}

/**
 * The cards that are wished for, in the wished order.
 * @param {readonly ShelfCard[]} cards
 * @param {ShelfWish} wish
 * @param {{family: string} | null} [checkpoint] that `fits` asks for
 */
export function shown(cards, { kind, q, sort, fits, favourite, broken, folder }, checkpoint = null) {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const found = cards.filter((card) => card.kind === kind && (!favourite || card.favourite) && (!broken || card.error) && (!fits || !isForeign(card, checkpoint))
    && (!folder || folderOf(card.name) === folder || card.name.startsWith(`${folder}/`)) && words.every((word) => textOf(card).includes(word)));
  if (sort === 'used') return found.sort((a, b) => b.used - a.used);
  if (sort === 'added') return found.sort((a, b) => b.added - a.added);
  if (sort === 'size') return found.sort((a, b) => b.size - a.size);
  return found;
}

/**
 * The folders that cards of a kind lie in.
 * @param {readonly ShelfCard[]} cards
 * @param {string} kind
 */
export function foldersOf(cards, kind) {
  const found = new Set();
  for (const card of cards) if (card.kind === kind) for (let at = folderOf(card.name); at; at = folderOf(at)) found.add(at);
  return [...found].sort();
}

/**
 * Which cards of a grid are in sight, with a row more at each end.
 * @param {{count: number, columns: number, row: number, top: number, height: number}} at `row`: a row's height with its gap
 */
export function inSight({ count, columns, row, top, height }) {
  const rows = Math.ceil(count / columns);
  const first = Math.max(Math.min(Math.floor(top / row) - 1, rows - 1), 0), last = Math.min(Math.ceil((top + height) / row) + 1, rows);
  return { from: first * columns, to: Math.min(last * columns, count), rows };
}

/**
 * Where a key leads from the card at `at`; null for a key that leads nowhere.
 * @param {string} key
 * @param {number} at
 * @param {{count: number, columns: number, page: number}} grid `page`: rows in sight
 */
export function stepped(key, at, { count, columns, page }) {
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, PageUp: -columns * page, PageDown: columns * page }[key];
  if (key === 'Home') return 0;
  if (key === 'End') return count - 1;
  if (by === undefined) return null;
  const to = at + by;
  if (key.startsWith('Page')) return Math.min(Math.max(to, 0), count - 1);
  if (to < 0) return at;
  return to < count ? to : key === 'ArrowDown' && Math.floor(at / columns) < Math.floor((count - 1) / columns) ? count - 1 : at;
}
