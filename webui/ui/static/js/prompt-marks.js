// @ts-check
// What in a prompt has a meaning of its own: tags, weights, words that are embeddings, a bracket without its partner.

import { unbalanced } from './brackets.js';
import { tagsIn, wordsIn } from './lora-tags.js';

/** @typedef {'tag' | 'unknown' | 'word' | 'weight' | 'open'} Kind */
/** @typedef {{start: number, end: number, kind: Kind}} Mark */
/** @typedef {{text: string, kinds: Kind[]}} Piece a stretch of the prompt, and all that it is a part of */

export const MOST_LETTERS = 20_000;  // beyond, a prompt is no longer looked through at each key
const WEIGHT = /:\s*[+-]?(?:\d+\.?\d*|\.\d+)\s*$/;

/**
 * The prompt in pieces, in its order; together they are the prompt.
 * @param {string} prompt
 * @param {{has: (kind: string, name: string) => boolean, words: ReadonlyMap<string, unknown>}} known models and embeddings
 * @returns {Piece[]}
 */
export function piecesOf(prompt, { has, words }) {
  if (prompt.length > MOST_LETTERS) return [{ text: prompt, kinds: [] }];
  const marks = marksIn(prompt, { has, words });
  const cuts = [...new Set([0, prompt.length, ...marks.flatMap(({ start, end }) => [start, end])])].sort((a, b) => a - b);
  return cuts.slice(1).map((end, n) => {
    const start = cuts[n];
    return { text: prompt.slice(start, end), kinds: [...new Set(marks.filter((mark) => mark.start <= start && mark.end >= end).map(({ kind }) => kind))] };
  });
}

/**
 * @param {string} prompt
 * @param {{has: (kind: string, name: string) => boolean, words: ReadonlyMap<string, unknown>}} known
 * @returns {Mark[]}
 */
function marksIn(prompt, { has, words }) {
  const open = unbalanced(prompt);
  return [
    ...tagsIn(prompt).map(({ start, end, kind, name }) => ({ start, end, kind: /** @type {Kind} */ (has(kind, name) ? 'tag' : 'unknown') })),
    ...wordsIn(prompt, words).map(({ start, end }) => ({ start, end, kind: /** @type {Kind} */ ('word') })),
    ...weightsIn(prompt),
    ...(open ? [{ start: open.at, end: open.at + open.char.length, kind: /** @type {Kind} */ ('open') }] : []),
  ];
}

/** Round brackets that say a weight. An escaped bracket is text, and so is what stands in a tag. @param {string} prompt @returns {Mark[]} */
function weightsIn(prompt) {
  const plain = prompt.replace(/<[^<>]*>/g, (tag) => ' '.repeat(tag.length)).replace(/\\./gs, '  ');
  /** @type {number[]} */
  const open = [];
  /** @type {Mark[]} */
  const found = [];
  for (const { 0: char, index } of plain.matchAll(/[()]/g)) {
    if (char === '(') open.push(index);
    else {
      const start = open.pop();
      if (start !== undefined && WEIGHT.test(plain.slice(Math.max(start, index - 24), index))) found.push({ start, end: index + 1, kind: 'weight' });
    }
  }
  return found;
}
