// @ts-check
// How a mask looks on the stage: a hatch, light and dark, that shows on every colour, or one colour. A look only: nothing of it is sent.

/** @typedef {'hatch' | 'cyan' | 'magenta' | 'green' | 'amber'} Look */

import { t } from './language.js';

/** @type {Array<[Look, string]>} */
export const LOOKS = [['hatch', t('Hatch')], ['cyan', t('Cyan')], ['magenta', t('Magenta')], ['green', t('Green')], ['amber', t('Amber')]];

/** @type {Record<Exclude<Look, 'hatch'>, string>} */
const COLOURS = { cyan: 'rgb(0 220 255 / .6)', magenta: 'rgb(255 0 200 / .6)', green: 'rgb(0 255 90 / .6)', amber: 'rgb(255 170 60 / .6)' };
const FINE = 1024;     // pixels that a look has at least across, so that the hatch of a small picture is no coarser
const MOST = 8;
const PERIOD = 16;     // of the hatch

/** How many pixels of the look there are for one of a mask so many pixels wide. @param {number} width */
export const fineness = (width) => Math.min(MOST, Math.max(1, Math.round(FINE / width)));

/**
 * Draw a mask's look.
 * @param {HTMLCanvasElement} canvas
 * @param {HTMLCanvasElement} paint what covers is masked
 * @param {Look} look
 */
export function drawLook(canvas, paint, look) {
  const pen = canvas.getContext('2d');
  if (!pen) return;
  pen.globalCompositeOperation = 'source-over';
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = look === 'hatch' ? hatch(pen, (PERIOD * Math.max(canvas.width, FINE)) / FINE) : COLOURS[look] ?? COLOURS.amber;
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.globalCompositeOperation = 'destination-in';
  pen.imageSmoothingEnabled = true;
  pen.drawImage(paint, 0, 0, canvas.width, canvas.height);
}

/**
 * Light and dark stripes at a slant, and the picture between them.
 * @param {CanvasRenderingContext2D} pen
 * @param {number} period
 * @returns {CanvasPattern | string}
 */
function hatch(pen, period) {
  const side = Math.round(period);
  const tile = document.createElement('canvas');
  Object.assign(tile, { width: side, height: side });
  const ink = tile.getContext('2d');
  if (!ink) return COLOURS.amber;
  ink.lineWidth = side / 6;
  for (const [colour, from] of /** @type {Array<[string, number]>} */ ([['rgb(0 0 0 / .75)', 0], ['rgb(255 255 255 / .9)', side / 4]])) {
    ink.strokeStyle = colour;
    for (const shift of [-side, 0, side]) {
      ink.beginPath();
      ink.moveTo(shift + from - 2, side + 2);
      ink.lineTo(shift + from + side + 2, -2);
      ink.stroke();
    }
  }
  return pen.createPattern(tile, 'repeat') ?? COLOURS.amber;
}
