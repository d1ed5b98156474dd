// @ts-check
// LoRA and its kin in a prompt: how a tag is written, which tags there are, and what becomes of the text when one is changed.

/** @typedef {{start: number, end: number, kind: 'lora' | 'hypernetwork', name: string, weights: string, weight: number | null, own: boolean, from: number, to: number, weightFrom: number, weightTo: number}} Tag
 * `weights` are its numbers as written, at from…to; `weight` is the one that a slider moves, at weightFrom…weightTo, null where it is no number; `own`: the text encoder has another */
/** @typedef {{start: number, end: number, text: string}} Change put `text` in place of start…end */

const TAG = /<(lora|lyco|hypernet):([^<>:]+)((?::[^<>]*)?)>/g;
const WEIGHTS = /^(?::\s*(?:te=|unet=)?\s*[+-]?(?:\d+\.?\d*|\.\d+)\s*(?=:|$)){0,2}/;
const ONE = /[+-]?(?:\d+\.?\d*|\.\d+)/g;

/** @type {(name: string) => string} */
export const lastPart = (name) => name.slice(name.lastIndexOf('/') + 1);

/**
 * Each model's name in a tag: without its folder, unless another one is called so too.
 * @template {{name: string}} Model
 * @param {readonly Model[]} models
 * @returns {Map<Model, string>}
 */
export function tagNames(models) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  const short = models.map(({ name }) => lastPart(name));
  for (const each of short) counts.set(each.toLowerCase(), (counts.get(each.toLowerCase()) ?? 0) + 1);
  return new Map(models.map((model, n) => [model, (counts.get(short[n].toLowerCase()) ?? 0) > 1 ? model.name : short[n]]));
}

/**
 * The models whose name has these words.
 * @template {{name: string}} Model
 * @param {readonly Model[]} models
 * @param {string} words
 */
export const matching = (models, words) => models.filter((model) => model.name.toLowerCase().includes(words.trim().toLowerCase()));

/** @type {(kind: string, name: string, weight?: number | null) => string} */
export const tagOf = (kind, name, weight) => `<${kind === 'hypernetwork' ? 'hypernet' : 'lora'}:${name}:${weight ?? 1}>`;

/**
 * `tag` as it is put behind what a prompt has up to the cursor.
 * @param {string} prompt up to the cursor
 * @param {string} tag
 */
export const tagAfter = (prompt, tag) => `${prompt && !/\s$/.test(prompt) ? ' ' : ''}${tag}`;

/**
 * The tags of a prompt, in its order.
 * @param {string} prompt
 * @returns {Tag[]}
 */
export function tagsIn(prompt) {
  return [...prompt.matchAll(TAG)].map((match) => {
    const [whole, kind, name, rest] = match;
    const start = match.index, from = start + kind.length + 2 + name.length;
    const numbers = rest.match(WEIGHTS)?.[0] ?? '';
    const last = [...numbers.matchAll(ONE)].at(-1);
    const weightFrom = last ? from + last.index : from;
    return {
      start, end: start + whole.length, name, kind: kind === 'hypernet' ? 'hypernetwork' : 'lora',
      weights: numbers, from, to: from + numbers.length,
      weight: last ? Number(last[0]) : rest === '' || /^:\w+=/.test(rest) ? 1 : null,
      own: [...numbers.matchAll(ONE)].length > 1,
      weightFrom, weightTo: last ? weightFrom + last[0].length : from,
    };
  });
}

/**
 * A tag with another weight.
 * @param {Tag} tag
 * @param {number} weight
 * @returns {Change}
 */
export const weighed = (tag, weight) => ({ start: tag.weightFrom, end: tag.weightTo, text: `${tag.weights ? '' : ':'}${Math.round(weight * 1000) / 1000}` });

/**
 * A tag switched off, which is a weight of 0, or on again with the weights that it had.
 * @param {Tag} tag
 * @param {string} [before] its weights before it was switched off
 * @returns {Change}
 */
export const switched = (tag, before) => ({ start: tag.from, end: tag.to, text: tag.weight === 0 ? before ?? ':1' : ':0' });

/**
 * Brackets around nothing but a piece go with it.
 * @param {string} prompt
 * @param {{start: number, end: number}} piece
 */
function withBrackets(prompt, { start, end }) {
  for (let close; '(['.includes(prompt[start - 1] ?? ' ') && (close = /^(?::[^()[\]:<>]*)?[)\]]/.exec(prompt.slice(end))); start -= 1) end += close[0].length;
  return { start, end };
}

/**
 * A prompt without a piece of it, nor the space or comma that set it apart.
 * @param {string} prompt
 * @param {{start: number, end: number}} piece
 * @returns {Change}
 */
export function without(prompt, piece) {
  const { start, end } = withBrackets(prompt, piece);
  const before = prompt.slice(0, start).match(/[^\S\n]*,?[^\S\n]*$/)?.[0] ?? '';
  const after = prompt.slice(end).match(/^[^\S\n]*,?[^\S\n]*/)?.[0] ?? '';
  const begins = start - before.length === 0 || prompt[start - before.length - 1] === '\n', ends = end + after.length === prompt.length;
  if (begins) return { start: start - before.length, end: end + after.length, text: '' };
  if (ends || prompt[end + after.length] === '\n') return { start: start - before.length, end: end + after.length, text: '' };
  return { start: start - before.length, end: end + after.length, text: before.includes(',') || after.includes(',') ? ', ' : ' ' };
}

/** What in a name is drawn by chance: nobody knows yet which file it will be. @type {(name: string) => boolean} */
export const isTemplate = (name) => /[{}$]|__/.test(name);

const WORD = /[^\s,()[\]{}|:<>]+/g;

/**
 * Words of a prompt that are in `known`, by their lower case, each once; tags are none.
 * @template Word
 * @param {string} prompt
 * @param {ReadonlyMap<string, Word>} known
 * @returns {{start: number, end: number, word: Word}[]}
 */
export function wordsIn(prompt, known) {
  if (!known.size) return [];
  const plain = prompt.replace(/<[^<>]*>/g, (tag) => ' '.repeat(tag.length));
  const found = [], seen = new Set();
  for (const match of plain.matchAll(WORD)) {
    const key = match[0].toLowerCase(), word = known.get(key);
    if (word === undefined || seen.has(key)) continue;
    seen.add(key);
    found.push({ start: match.index, end: match.index + match[0].length, word });
  }
  return found;
}
