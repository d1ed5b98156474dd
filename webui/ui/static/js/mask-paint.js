// @ts-check
// The canvas elements of the mask and of the colour under it: acts painted on them, the box around what is masked, and the pictures that are sent.

/** @import { Act, Stroke } from './mask-strokes.js' */
/** @import { Box } from './canvas-region.js' */

import { el } from './dom.js';
import { t } from './language.js';
import { edgeOf } from './mask-strokes.js';

const INK = '#ffaa3c';  // on the mask: only how much it covers counts
const RGB = [255, 170, 60];

/** @typedef {{mask: HTMLCanvasElement, colour: HTMLCanvasElement}} Sheets */

/** @type {(canvas: HTMLCanvasElement) => CanvasRenderingContext2D} */
const penOf = (canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d', { willReadFrequently: true }));

/** @type {(width: number, height: number) => HTMLCanvasElement} */
const blank = (width, height) => el('canvas', { width, height });

/** @param {HTMLCanvasElement} canvas */
function wipe(canvas) {
  const pen = penOf(canvas);
  pen.globalCompositeOperation = 'source-over';
  pen.clearRect(0, 0, canvas.width, canvas.height);
}

/** @param {Sheets} sheets */
export function wipeAll({ mask, colour }) {
  wipe(mask);
  wipe(colour);
}

/**
 * Paint one act. Colour is masked where it is painted; the eraser takes both away.
 * @param {Sheets} sheets
 * @param {Act} act
 */
export function paint(sheets, act) {
  const { mask, colour } = sheets;
  if (act.kind === 'sides' || act.kind === 'layers') return;
  if (act.kind === 'clear') return wipeAll(sheets);
  if (act.kind === 'image') return paintMask(mask, act.image);
  if (act.kind === 'invert') return invert(mask);
  const erases = act.kind === 'eraser';
  line(mask, act, INK, erases);
  if (erases || act.kind === 'colour') line(colour, act, act.colour ?? INK, erases);
}

/** @param {HTMLCanvasElement} mask */
function invert(mask) {
  const pen = penOf(mask);
  pen.globalCompositeOperation = 'xor';
  pen.fillStyle = INK;
  pen.fillRect(0, 0, mask.width, mask.height);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Stroke} stroke
 * @param {string} colour
 * @param {boolean} erases
 */
function line(canvas, stroke, colour, erases) {
  const pen = penOf(canvas);
  const { width, blur } = edgeOf(stroke);
  const away = blur ? 2 * canvas.width + width : 0;  // a soft stroke is the shadow of a hard one that lies outside
  pen.save();
  pen.globalCompositeOperation = erases ? 'destination-out' : 'source-over';
  Object.assign(pen, { lineCap: 'round', lineJoin: 'round', lineWidth: width, strokeStyle: colour });
  if (blur) Object.assign(pen, { shadowColor: colour, shadowBlur: blur, shadowOffsetX: away });
  pen.beginPath();
  pen.moveTo(stroke.points[0][0] - away, stroke.points[0][1]);
  for (const [x, y] of stroke.points) pen.lineTo(x - away, y);
  pen.stroke();
  pen.restore();
}

/** A loaded mask, as the server reads it: brightness becomes coverage, greys included (soft inpainting uses them). @param {HTMLCanvasElement} mask @param {CanvasImageSource} image */
function paintMask(mask, image) {
  const { width, height } = mask;
  const sheet = blank(width, height);
  const pen = penOf(sheet);
  pen.drawImage(image, 0, 0, width, height);
  const pixels = pen.getImageData(0, 0, width, height);
  for (let i = 0; i < pixels.data.length; i += 4) {
    const light = (pixels.data[i] + pixels.data[i + 1] + pixels.data[i + 2]) / 3;
    pixels.data[i + 3] = (light * pixels.data[i + 3]) / 255;
    pixels.data.set(RGB, i);
  }
  pen.putImageData(pixels, 0, 0);
  wipe(mask);
  penOf(mask).drawImage(sheet, 0, 0);
}

/** @param {HTMLCanvasElement} canvas */
export function copyOf(canvas) {
  const copy = blank(canvas.width, canvas.height);
  penOf(copy).drawImage(canvas, 0, 0);
  return copy;
}

/** A soft stroke cannot be put together of pieces: the whole of it is drawn over what was there before. @param {Sheets} sheets @param {Sheets} before @param {Stroke} stroke */
export function paintAnew(sheets, before, stroke) {
  wipeAll(sheets);
  penOf(sheets.mask).drawImage(before.mask, 0, 0);
  penOf(sheets.colour).drawImage(before.colour, 0, 0);
  paint(sheets, stroke);
}

/**
 * The box around what changes: what is painted, or, where the mask is meant the other way round, what is not wholly painted. Nothing where nothing is.
 * @param {HTMLCanvasElement} mask
 * @param {boolean} [inverted]
 * @returns {Box | null}
 */
export function boxOfMask(mask, inverted = false) {
  const { width, height } = mask;
  const { data } = penOf(mask).getImageData(0, 0, width, height);
  let left = width, top = height, right = 0, bottom = 0;
  for (let y = 0, i = 3; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, i += 4) {
      if (inverted ? data[i] === 255 : !data[i]) continue;
      if (x < left) left = x;
      if (x >= right) right = x + 1;
      if (y < top) top = y;
      bottom = y + 1;
    }
  }
  return right ? [left, top, right, bottom] : null;
}

/**
 * The mask, and around the colours under it so much more. The mask's blur would else keep a rim of each colour in the result.
 * @param {Sheets} sheets
 * @param {number} reach
 * @returns {HTMLCanvasElement}
 */
export function aroundColours({ mask, colour }, reach) {
  const out = copyOf(mask);
  let near = copyOf(colour);
  penOf(near).globalCompositeOperation = 'destination-in';
  penOf(near).drawImage(mask, 0, 0);
  for (let left = Math.round(reach), step = 1; left > 0; left -= step, step = Math.min(2 * step, left)) {
    const wider = copyOf(near), pen = penOf(wider);
    for (let turn = 0; turn < 8; turn += 1) pen.drawImage(near, step * Math.cos(turn * Math.PI / 4), step * Math.sin(turn * Math.PI / 4));
    near = wider;
  }
  penOf(out).drawImage(near, 0, 0);
  return out;
}

/** White where it is painted, black elsewhere. @param {HTMLCanvasElement} mask @returns {Promise<Blob>} */
export function blackAndWhite(mask) {
  const out = copyOf(mask);
  const pen = penOf(out);
  for (const [how, colour] of /** @type {Array<[GlobalCompositeOperation, string]>} */ ([['source-in', '#fff'], ['destination-over', '#000']])) {
    pen.globalCompositeOperation = how;
    pen.fillStyle = colour;
    pen.fillRect(0, 0, out.width, out.height);
  }
  return fileOf(out);
}

/**
 * The picture with its colours: all, or those that lie under the mask (or beside it, where it is meant the other way round), for elsewhere nothing changes.
 * @param {HTMLCanvasElement} picture
 * @param {Sheets} sheets
 * @param {'all' | 'mask' | 'inverted'} under
 * @returns {Promise<Blob>}
 */
export function withColours(picture, { mask, colour }, under) {
  const { width, height } = mask;
  const over = copyOf(colour), pen = penOf(over);
  const pixels = pen.getImageData(0, 0, width, height);
  const { data } = penOf(mask).getImageData(0, 0, width, height);
  const kept = { all: () => true, mask: (/** @type {number} */ alpha) => alpha > 0, inverted: (/** @type {number} */ alpha) => alpha < 255 }[under];
  for (let i = 3; i < data.length; i += 4) if (!kept(data[i])) pixels.data[i] = 0;
  pen.putImageData(pixels, 0, 0);
  const out = copyOf(picture);
  penOf(out).drawImage(over, 0, 0);
  return fileOf(out);
}

/** @type {(canvas: HTMLCanvasElement) => Promise<Blob>} */
const fileOf = (canvas) => new Promise((done, fail) => {
  canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error(t('The browser cannot make a picture of this size. Choose a smaller one.')))), 'image/png');
});
