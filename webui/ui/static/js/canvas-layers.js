// @ts-check
// The pictures that lie over one another on the canvas, the lowest first, as a value: a change gives another list, so that undo is exact. No page here.

/** @import { Sides } from './canvas-region.js' */

/** @typedef {readonly [number, number, number, number]} Part left, top, width and height, in parts of the canvas */
/** @typedef {{image: string, name: string, seen: boolean, opacity: number, part: Part, solid?: boolean}} Layer `solid`: nothing shines through it */
/** @typedef {{width: number, height: number}} Size */

/** @type {Part} */
export const WHOLE = [0, 0, 1, 1];
export const MOST = 16;
const ALIKE = 0.01;   // by so much may formats differ and still be the same

/**
 * @param {string} image
 * @param {string} name
 * @param {Partial<Layer>} [more]
 * @returns {Layer}
 */
export const layerOf = (image, name, more) => ({ image, name, seen: true, opacity: 1, part: WHOLE, ...more });

/** @param {readonly Layer[]} layers @param {number} at @param {Partial<Layer>} values */
export const changedAt = (layers, at, values) => layers.map((each, n) => (n === at ? { ...each, ...values } : each));

/** @param {readonly Layer[]} layers @param {number} at */
export const without = (layers, at) => layers.filter((_, n) => n !== at);

/** One goes so many places up (or down, below 0), as far as there are some. @param {readonly Layer[]} layers @param {number} at @param {number} by */
export function moved(layers, at, by) {
  const to = Math.min(Math.max(at + by, 0), layers.length - 1), left = without(layers, at);
  return [...left.slice(0, to), layers[at], ...left.slice(to)];
}

/** Where a picture lies that is as large as the canvas allows, in its middle. @param {Size} picture @param {Size} canvas @returns {Part} */
export function fitted(picture, canvas) {
  const scale = Math.min(canvas.width / picture.width, canvas.height / picture.height);
  const width = (picture.width * scale) / canvas.width, height = (picture.height * scale) / canvas.height;
  return [(1 - width) / 2, (1 - height) / 2, width, height];
}

/** So many times its size, around its middle. @param {Part} part @param {number} by @returns {Part} */
export const scaled = ([left, top, width, height], by) => [left + (width * (1 - by)) / 2, top + (height * (1 - by)) / 2, width * by, height * by];

/** @param {Part} part @param {number} across @param {number} down @returns {Part} */
export const shifted = ([left, top, width, height], across, down) => [left + across, top + down, width, height];

/**
 * What lay on a canvas, below a result that was made of it: the canvas had these new sides, and the result is as large as this.
 * @param {readonly Layer[]} layers
 * @param {Size} canvas
 * @param {Sides} sides
 * @param {Size} result
 */
export function below(layers, canvas, sides, result) {
  const whole = { width: canvas.width + sides.left + sides.right, height: canvas.height + sides.top + sides.bottom };
  const alike = Math.abs((whole.width * result.height) / (whole.height * result.width) - 1) < ALIKE;
  const [left, top, width, height] = alike ? WHOLE : fitted(whole, result);
  const place = (/** @type {Part} */ [x, y, w, h]) => /** @type {Part} */ ([
    left + (width * (sides.left + x * canvas.width)) / whole.width, top + (height * (sides.top + y * canvas.height)) / whole.height,
    (width * w * canvas.width) / whole.width, (height * h * canvas.height) / whole.height,
  ]);
  return layers.map((each) => ({ ...each, part: place(each.part) }));
}

/** Whether all of them together look as this picture alone does, so that it is sent as it is. @param {readonly Layer[]} layers @param {string} image */
export function isAlone(layers, image) {
  const seen = layers.filter((each) => each.seen && each.opacity > 0), top = seen.at(-1);
  return top?.image === image && top.opacity === 1 && top.part.every((each, n) => each === WHOLE[n]) && (seen.length === 1 || Boolean(top.solid));
}
