// @ts-check
/** @import { ShelfCard, Style } from './api-types.d.ts' */
/** @import { Word } from './completion.js' */
// What the shelf, the chips under the prompt and the completions know of models, styles and wildcards: fetched when it is first asked for, and again when something has changed.

import { models, page, words } from './api.js';
import { t } from './language.js';
import { lastPart, tagNames } from './lora-tags.js';

/** @typedef {'lora' | 'hypernetwork'} Tagged */

/**
 * @type {{cards: ShelfCard[], styles: Style[], words: Word[], ready: boolean, byTag: Record<Tagged, Map<string, ShelfCard>>, embeddings: Map<string, ShelfCard>, names: Map<ShelfCard, string>}}
 * `names`: of each card in a tag or as a word; `byTag`: cards by each of their names in a tag, in lower case; `embeddings`: by their word
 */
export const known = { cards: [], styles: [], words: [], ready: false, byTag: { lora: new Map(), hypernetwork: new Map() }, embeddings: new Map(), names: new Map() };

/** @type {Set<() => void>} */
const listeners = new Set();
/** `act` is called when something else is known. @type {(act: () => void) => void} */
export const whenKnown = (act) => { listeners.add(act); };

/** @type {Promise<void> | null} */
let asking = null;
let turn = 0;

/** Fetch all of it. Rejects when the models cannot be had. */
export function learn() {
  const mine = ++turn;
  const asked = Promise.all([page.shelf(), words.styles().catch(() => null), words.wildcards().catch(() => null)]);
  asking = asked.then(([cards, styles, wildcards]) => { if (mine === turn) take(cards, styles?.styles ?? known.styles, wildcards?.wildcards ?? []); });
  asking.catch(() => { if (mine === turn) asking = null; });
  return asking;
}

/** What is known, fetched once. */
export const learnOnce = () => asking ?? learn();

/** Something has changed: it is fetched again, if anybody has asked for it before. */
export function changed() {
  if (asking) learn().catch(() => {});
}

/**
 * @param {ShelfCard[]} cards
 * @param {Style[]} styles
 * @param {readonly {name: string, values: number, error: string}[]} wildcards
 */
function take(cards, styles, wildcards) {
  const of = (/** @type {string} */ kind) => cards.filter((card) => card.kind === kind);
  const loras = of('lora'), nets = of('hypernetwork'), embeddings = of('embedding');
  const names = new Map([...tagNames(loras), ...tagNames(nets), ...embeddings.map((card) => /** @type {[ShelfCard, string]} */ ([card, lastPart(card.name)]))]);
  const usable = [...loras, ...nets, ...embeddings].filter((card) => !card.error);
  Object.assign(known, {
    cards, styles, names, ready: true,
    byTag: { lora: byTag(loras), hypernetwork: byTag(nets) },
    embeddings: new Map(embeddings.filter((card) => !card.error).map((card) => [lastPart(card.name).toLowerCase(), card])),
    words: [
      ...usable.map((card) => ({ kind: card.kind, name: names.get(card), weight: card.weight, favourite: card.favourite, hint: hintOf(card), id: card.id, preview: card.preview })),
      ...wildcards.filter((each) => !each.error).map(({ name, values }) => ({ kind: 'wildcard', name, hint: t('Wildcard · {values}', { values }) })),
      ...styles.map(({ name, prompt }) => ({ kind: 'style', name, hint: t('Style · {prompt}', { prompt: prompt ?? '' }) })),
    ],
  });
  for (const act of listeners) act();
}

/** @type {(cards: ShelfCard[]) => Map<string, ShelfCard>} */
function byTag(cards) {
  const found = new Map();
  for (const card of [...cards].reverse()) for (const name of [card.alias, lastPart(card.name), card.name]) if (name) found.set(name.toLowerCase(), card);
  return found;
}

/** @type {Record<string, string>} */
const KIND = { lora: t('LoRA'), hypernetwork: t('Hypernetwork'), embedding: t('Embedding') };

/** @type {(card: ShelfCard) => string} */
const hintOf = ({ kind, triggers }) => [KIND[kind], triggers.slice(0, 3).join(', ') || (kind === 'lora' && t('no trigger word'))].filter(Boolean).join(' · ');

/** The address of a card's picture, "" where it has none. @type {(card: {id?: string, preview?: string}) => string} */
export const pictureOf = ({ id, preview }) => (id && preview ? `${models.preview(id)}?size=384&v=${preview}` : '');

/** Change what is kept of a model, here and on the server. @type {(card: ShelfCard, changes: {favourite?: boolean, notes?: string, weight?: number | null}) => Promise<void>} */
export async function keep(card, changes) {
  await models.change(card.id, changes);
  Object.assign(card, changes);
  for (const act of listeners) act();
}
