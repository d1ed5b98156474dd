// @ts-check
// Completion in a prompt: what is being typed at the cursor, what it may become, and the text that takes its place.

import { tagOf } from './lora-tags.js';

/** @typedef {{kind: 'lora' | 'hypernetwork' | 'embedding' | 'wildcard' | 'style', name: string, weight?: number | null, favourite?: boolean, hint?: string, id?: string, preview?: string}} Word */
/** @typedef {{kinds: readonly Word['kind'][], query: string, start: number, end: number, tag: boolean, strict: boolean}} Wish what may stand there; `tag`: inside of a tag whose weight stays; `strict`: only what begins so */

const LEAST = 2;   // letters of a word before anything is offered
const MOST = 50;

/**
 * What is being typed before the cursor; null where nothing is to be offered.
 * @param {string} value
 * @param {number} at the cursor
 * @returns {Wish | null}
 */
export function wishAt(value, at) {
  const before = value.slice(Math.max(0, at - 200), at), offset = at - before.length;
  const tag = /<(?:(lora|lyco|hypernet):)?([^<>:]*)$/.exec(before);
  if (tag) return inTag(value, at, offset + tag.index, tag[1], tag[2]);
  const wildcard = /__([\p{L}\p{N}/*-]+(?:_[\p{L}\p{N}/*-]+)*_?)?$/u.exec(before);
  if (wildcard) return isClosed(before, wildcard.index) ? null : wish(['wildcard'], wildcard[1] ?? '', offset + wildcard.index, at);
  const style = /(^|[\s,])@([^\s,@<>()[\]{}|]*)$/.exec(before);
  if (style) return wish(['style'], style[2], offset + style.index + style[1].length, at);
  const word = /[^\s,()[\]{}|:<>@\\]+$/.exec(before);
  if (!word || word[0].length < LEAST || /^[^\s,()[\]{}|:<>]/.test(value.slice(at)) || /^[\d.]+$/.test(word[0])) return null;
  return { ...wish(['embedding', 'lora'], word[0], offset + word.index, at), strict: true };
}

/** @type {(kinds: Wish['kinds'], query: string, start: number, end: number) => Wish} */
const wish = (kinds, query, start, end) => ({ kinds, query, start, end, tag: false, strict: false });

/**
 * @param {string} value
 * @param {number} at
 * @param {number} start
 * @param {string | undefined} kind
 * @param {string} query
 * @returns {Wish | null}
 */
function inTag(value, at, start, kind, query) {
  const rest = /^[^<>:\s,]*(?=[:>])/.exec(value.slice(at))?.[0];
  if (rest && !kind) return null;
  /** @type {Wish['kinds']} */
  const kinds = kind === 'hypernet' ? ['hypernetwork'] : kind ? ['lora'] : ['lora', 'hypernetwork'];
  const isWhole = rest !== undefined && /^[^<>]*>/.test(value.slice(at));
  return { ...wish(kinds, kind ? query : unprefixed(query), start, at + (isWhole ? rest.length : 0)), tag: isWhole };
}

/** Of `lo`, `lor` nothing is a name yet. @type {(query: string) => string} */
const unprefixed = (query) => (['lora', 'lyco', 'hypernet'].some((kind) => query && kind.startsWith(query.toLowerCase())) ? '' : query);

/** Whether the two underscores close a wildcard: an odd number of them stands before. @type {(before: string, at: number) => boolean} */
const isClosed = (before, at) => (before.slice(0, at).match(/__/g) ?? []).length % 2 === 1;

/**
 * The words that may be meant, the best first.
 * @param {readonly Word[]} words
 * @param {Wish} wanted
 * @returns {Word[]}
 */
export function found(words, { kinds, query, strict }) {
  const typed = query.toLowerCase();
  const ranked = [];
  for (const word of words) {
    if (!kinds.includes(word.kind)) continue;
    const rank = rankOf(word.name.toLowerCase(), typed);
    if (rank < (strict ? 2 : 4) && !(strict && word.name.toLowerCase() === typed && word.kind !== 'lora')) ranked.push({ word, rank: rank - (word.favourite ? 0.5 : 0) });
  }
  return ranked.sort((a, b) => a.rank - b.rank || a.word.name.length - b.word.name.length || (a.word.name < b.word.name ? -1 : 1)).slice(0, MOST).map(({ word }) => word);
}

/** @type {(name: string, typed: string) => number} */
function rankOf(name, typed) {
  const short = name.slice(name.lastIndexOf('/') + 1);
  if (short.startsWith(typed) || name.startsWith(typed)) return 0;
  if (name.split(/[\s/_.-]+/).some((part) => part.startsWith(typed))) return 1;
  if (name.includes(typed)) return 2;
  return letters(name, typed) ? 3 : 4;
}

/** Whether the letters come one after the other, with others in between. @type {(name: string, typed: string) => boolean} */
function letters(name, typed) {
  let at = -1;
  return typed.length > 1 && [...typed].every((letter) => (at = name.indexOf(letter, at + 1)) >= 0);
}

/**
 * What takes the place of what was typed; a style is chosen instead, so nothing does.
 * @param {Word} word
 * @param {Wish} wanted
 * @returns {{start: number, end: number, text: string}}
 */
export function taken(word, { start, end, tag }) {
  if (word.kind === 'style') return { start, end, text: '' };
  if (word.kind === 'wildcard') return { start, end, text: `__${word.name}__` };
  if (word.kind === 'embedding') return { start, end, text: word.name };
  const whole = tagOf(word.kind, word.name, word.weight);
  return { start, end, text: tag ? whole.slice(0, whole.lastIndexOf(':')) : whole };
}
