// @ts-check
/** @import { ShelfCard } from './api-types.d.ts' */
// What a card of the shelf does to the form, and what of the form shows on its card.

import { $ } from './dom.js';
import { fill, form, takeValues } from './form.js';
import { t } from './language.js';
import { putInto } from './typing.js';
import { tagAfter, tagOf, tagsIn, without, wordsIn } from './lora-tags.js';
import { known } from './shelf-models.js';

const PROMPTS = { prompt: '#prompt textarea', negative_prompt: '#negative_prompt textarea' };

/** @type {keyof typeof PROMPTS} */
let last = 'prompt';  // where words go: the prompt that had the focus last

/** Watch which prompt is written into. */
export function watchPrompts() {
  document.addEventListener('focusin', ({ target }) => {
    for (const name of /** @type {(keyof typeof PROMPTS)[]} */ (Object.keys(PROMPTS))) if (target instanceof Element && target.matches(PROMPTS[name])) last = name;
  });
}

/** @type {(name: keyof typeof PROMPTS) => HTMLTextAreaElement} */
const area = (name) => $(PROMPTS[name]);

/** @type {(kind: string, name: string) => ShelfCard | undefined} */
export const cardOfTag = (kind, name) => known.byTag[/** @type {'lora' | 'hypernetwork'} */ (kind)]?.get(name.toLowerCase());

/** @type {() => string[]} */
export const stylesNow = () => /** @type {any} */ (form.values.styles) ?? [];

/** The words of a card's mark while it is in use, by its id: a LoRA's weight, else a tick. */
export function marks() {
  /** @type {Map<string, string>} */
  const found = new Map();
  const { prompt = '', negative_prompt: negative = '', checkpoint, vae } = form.values;
  for (const tag of tagsIn(String(prompt))) {
    const card = cardOfTag(tag.kind, tag.name);
    if (card) found.set(card.id, tag.weight === null ? '✓' : String(tag.weight));
  }
  for (const text of [prompt, negative]) for (const { word } of wordsIn(String(text), known.embeddings)) found.set(word.id, '✓');
  for (const card of known.cards) if ((card.kind === 'checkpoint' && card.name === checkpoint) || (card.kind === 'vae' && card.name === vae)) found.set(card.id, '✓');
  for (const name of stylesNow()) found.set(`style:${name}`, '✓');
  return found;
}

const HERE = new Set(['', 'auto', 'here']);
/** Pictures are made at another place, whose models are none of these. */
export const isElsewhere = () => !HERE.has(String(form.values.where ?? ''));

/** The chosen checkpoint's card. */
export const checkpointCard = () => known.cards.find((card) => card.kind === 'checkpoint' && card.name === form.values.checkpoint) ?? null;

/**
 * Choose a card, put it into the prompt, or take it out again.
 * @param {ShelfCard} card
 */
export function use(card) {
  if (card.kind === 'checkpoint') return form.values.checkpoint === card.name || takeValues({ checkpoint: card.name }, t('{name} chosen', { name: card.name }));
  if (card.kind === 'vae') return takeValues({ vae: form.values.vae === card.name ? form.defaults.vae : card.name }, form.values.vae === card.name ? t("The checkpoint's own VAE") : t('VAE {name}', { name: card.name }));
  if (card.kind === 'style') return toggleStyle(card.name);
  if (card.kind === 'embedding') return toggleWord(card);
  return toggleTag(card);
}

/** @param {string} name */
export function toggleStyle(name) {
  const chosen = stylesNow();
  fill({ styles: /** @type {any} */ (chosen.includes(name) ? chosen.filter((each) => each !== name) : [...chosen, name]) });
}

/** @param {ShelfCard} card */
function toggleTag(card) {
  const box = area('prompt'), there = tagsIn(box.value).find((tag) => cardOfTag(tag.kind, tag.name) === card);
  if (there) return putInto(box, without(box.value, there));
  putInto(box, { start: box.value.length, end: box.value.length, text: tagAfter(box.value, tagText(card)) });
}

/** How a card is written into a prompt. @type {(card: ShelfCard) => string} */
export const tagText = (card) => (card.kind === 'lora' || card.kind === 'hypernetwork' ? tagOf(card.kind, known.names.get(card) ?? card.name, card.weight) : known.names.get(card) ?? card.name);

/** @param {ShelfCard} card */
function toggleWord(card) {
  for (const name of /** @type {(keyof typeof PROMPTS)[]} */ ([last, 'prompt', 'negative_prompt'])) {
    const box = area(name), there = wordsIn(box.value, known.embeddings).find(({ word }) => word === card);
    if (there) return putInto(box, without(box.value, there));
  }
  addWords(tagText(card), last);
}

/**
 * Put words behind what a prompt has, set apart by a comma.
 * @param {string} text
 * @param {keyof typeof PROMPTS} [name]
 */
export function addWords(text, name = 'prompt') {
  const box = area(name), { value } = box;
  const gap = !value.trim() || /,\s*$/.test(value) ? (/(^|\s)$/.test(value) ? '' : ' ') : ', ';
  putInto(box, { start: value.trimEnd().length === value.length ? value.length : gap === ', ' ? value.trimEnd().length : value.length, end: value.length, text: `${gap}${text}` });
}
