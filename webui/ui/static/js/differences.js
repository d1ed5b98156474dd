// @ts-check
// What differs between pictures in how they were made, and how far apart they are; worked out without the page.

/** @import { Value, Values } from './page-types.d.ts' */

import { number, t } from './language.js';

/** @typedef {{name: string, label: string, values: string[], takes: Value[], can: boolean}} Difference `takes`: what each would put into the form; `can`: the form has it */
/** @typedef {{text: string, differs: boolean}} Piece */

const NEVER = /^(ratio|batch_count|batch_size|where)$/;  // how many and where, not how
const FIRST = ['prompt', 'negative_prompt', 'checkpoint', 'width', 'height', 'sampler', 'schedule', 'steps', 'guidance', 'seed'];
/** What means nothing unless another field is set. */
const ONLY_WITH = new Map([['variation_seed', 'variation_strength'], ['refiner_switch_at', 'refiner_checkpoint']]);

/**
 * What differs, prompts first, and how many settings are the same. What is as in an untouched form is not counted.
 * @param {ReadonlyArray<Values>} sides the form's values of each picture
 * @param {Record<string, string>} labels what the form calls them
 * @param {Values} unsaid what those mean that a picture does not say
 * @param {(name: string) => boolean} [has] whether the form has it
 */
export function differences(sides, labels, unsaid = {}, has = (name) => name in labels) {
  const names = [...new Set(sides.flatMap((side) => Object.keys(side)))].filter((name) => !NEVER.test(name));
  /** @type {Difference[]} */
  const rows = [];
  let same = 0;
  const isSet = (/** @type {string | undefined} */ name) => name === undefined || sides.some((side) => Boolean(side[name]));
  for (const name of names.filter((each) => isSet(ONLY_WITH.get(each)))) {
    const takes = sides.map((side) => (name in side ? side[name] : unsaid[name]) ?? null);
    const values = takes.map(shown);
    if (new Set(values).size > 1) rows.push({ name, label: t(labels[name] ?? name.replaceAll('_', ' ')).replace(/ \(.*\)$/, ''), values, takes, can: has(name) });
    else if (values[0] && (FIRST.includes(name) || values[0] !== shown(unsaid[name]))) same += 1;
  }
  const place = (/** @type {Difference} */ { name }) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  return { rows: rows.sort((a, b) => place(a) - place(b)), same };
}

/** @param {Value} value */
const shown = (value) => (value === true ? t('on') : value === false ? t('off') : value === null || value === undefined ? '' : String(value));

/**
 * Prompts in pieces, those words marked that not all of them have.
 * @param {readonly string[]} texts
 * @returns {Piece[][]}
 */
export function markedWords(texts) {
  const bare = (/** @type {string} */ word) => word.replace(/^[\s,.;:()[\]]+|[\s,.;:()[\]]+$/g, '').toLowerCase();
  const known = texts.map((text) => new Set(text.split(/\s+/).map(bare)));
  return texts.map((text) => {
    /** @type {Piece[]} */
    const pieces = [];
    for (const word of text.split(/(\s+)/)) {
      if (!word) continue;
      const differs = bare(word) !== '' && known.some((words) => !words.has(bare(word)));
      const last = pieces.at(-1);
      if (last && last.differs === differs) last.text += word;
      else pieces.push({ text: word, differs });
    }
    return pieces;
  });
}

/**
 * How far apart two pictures are, in decibels of the peak signal to noise; Infinity where they are equal. Transparency does not count.
 * @param {Uint8ClampedArray} a four bytes a pixel
 * @param {Uint8ClampedArray} b
 */
export function psnr(a, b) {
  let sum = 0;
  for (let n = 0; n < a.length; n += 4) {
    const [red, green, blue] = [a[n] - b[n], a[n + 1] - b[n + 1], a[n + 2] - b[n + 2]];
    sum += red * red + green * green + blue * blue;
  }
  const mean = sum / (a.length * 0.75);
  return mean ? 10 * Math.log10(255 ** 2 / mean) : Infinity;
}

/** @type {(decibels: number) => string} */
export const psnrWords = (decibels) => (decibels === Infinity ? t('The same in every pixel') : t('PSNR {decibels} dB', { decibels: number(decibels, 1) }));

/**
 * What is said of pictures of different sizes: "A is 2× larger".
 * @param {ReadonlyArray<{width: number, height: number}>} sizes
 */
export function sizeWords(sizes) {
  const widths = sizes.map(({ width }) => width);
  const least = Math.min(...widths), most = Math.max(...widths);
  return least === most ? '' : t('{picture} is {times}× larger', { picture: 'ABCD'[widths.indexOf(most)], times: number(Number((most / least).toFixed(2))) });
}
