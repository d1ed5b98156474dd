// @ts-check
// Where the canvas lies on its desk: zoom at the pointer, pan, pinch; its new sides as they will begin; and the frame of what "Only masked" cuts out.

/** @import { Side } from './canvas-region.js' */
/** @import { Place } from './zoom-place.js' */

import { anySide, around, extended, sentRegion } from './canvas-region.js';
import { $ } from './dom.js';
import { form } from './form.js';
import { sizeLike } from './form-values.js';
import { size as sizeText } from './format.js';
import { t } from './language.js';
import { aroundColours, boxOfMask } from './mask-paint.js';
import { boxOf, hasColour } from './mask-strokes.js';
import { state } from './state.js';
import { moved, pinched, scaleOf, zoomed } from './zoom-place.js';

const ROOM = 30;       // px around a fitted picture, for its edges
const FINE = 512;      // pixels of the new sides' look
const NOTCH = 120;     // a wheel's turn; two fingers on a trackpad give anything
const NARROW = 480;    // px of a desk that has no place for all of its words
const BELOW = 30;      // px that the frame's words need under it

/** The canvas as a picture: its whole size with the new sides, and these. */
export const placeOf = (it) => extended({ width: it.below.width, height: it.below.height }, it.sides);

/** What a fitted picture has to fit into. */
export const frameOf = ({ desk }) => ({ width: Math.max(64, desk.clientWidth - 2 * ROOM), height: Math.max(64, desk.clientHeight - 2 * ROOM) });

export const percent = (it) => `${Math.round(it.scale * 100)} %`;

/** Put sheet and picture where they are looked at. */
export function layOut(it) {
  const { size, sides } = placeOf(it);
  const scale = it.scale = scaleOf(it.place, frameOf(it), size);
  const px = (/** @type {number} */ value) => `${value * scale}px`;
  it.sheet.style.cssText = `width:${px(size.width)};height:${px(size.height)};transform:translate(calc(-50% + ${it.place.x}px),calc(-50% + ${it.place.y}px))`;
  it.leaf.style.cssText = `left:${px(sides.left)};top:${px(sides.top)};width:${px(it.below.width)};height:${px(it.below.height)}`;
}

const middleOf = ({ desk }, [x, y]) => {
  const box = desk.getBoundingClientRect();
  return { x: x - box.left - box.width / 2, y: y - box.top - box.height / 2 };
};

/** Shift turns the brush's size, else it zooms: then true. */
export function wheel(it, event) {
  event.preventDefault();
  const turn = event.deltaY || event.deltaX;  // with Shift some systems turn it sideways
  if (event.shiftKey) {
    it.size.value = +it.size.value - Math.sign(turn) * 4;
    it.size.oninput();
    return false;
  }
  const fromWheel = event.ctrlKey || event.metaKey || event.deltaMode !== 0 || (event.deltaX === 0 && (event.wheelDeltaY ?? NOTCH) % NOTCH === 0);
  const { size } = placeOf(it), frame = frameOf(it);
  const by = 1.0018 ** -(event.deltaY * (event.deltaMode === 1 ? 20 : 1) * (event.ctrlKey ? 5 : 1));
  it.place = fromWheel || !it.place.scale ? zoomed(it.place, it.scale * by, frame, size, middleOf(it, [event.clientX, event.clientY])) : moved(it.place, { x: -event.deltaX, y: -event.deltaY }, frame, size);
  return true;
}

/** Two fingers were put down; gives the place once they have moved. */
export function startPinch(it, from) {
  const place = it.place, before = from.map((each) => middleOf(it, each));
  return (now) => pinched(place, before, now.map((each) => middleOf(it, each)), frameOf(it), placeOf(it).size);
}

/** @param {any} it @param {Place} from @param {{x: number, y: number}} by @returns {Place} */
export const panned = (it, from, by) => moved(from, by, frameOf(it), placeOf(it).size);

/** A side grew under the hand: what is opposite stays where it is on the screen. @param {any} it @param {Side} side @param {{width: number, height: number}} before the whole size until now */
export function keepOpposite(it, side, before) {
  const { size } = placeOf(it);
  const by = { x: ((size.width - before.width) * it.scale) / 2, y: ((size.height - before.height) * it.scale) / 2 };
  const sign = side === 'left' || side === 'top' ? -1 : 1;
  it.place = { scale: it.place.scale, x: it.place.x + sign * by.x, y: it.place.y + sign * by.y };
}

// ---------------------------------------------------------------------------------------------------------- new sides
/** What the new sides begin as, roughly: drawn only when something of it is other than before. */
export function drawGround(it, fill) {
  const { size, sides } = placeOf(it), { width, height } = it.below;
  const key = JSON.stringify([it.last, it.shown, sides, fill]);
  it.ground.hidden = !anySide(sides);
  if (it.ground.hidden || it.grounded === key) return;
  it.grounded = key;
  const fine = Math.min(1, FINE / Math.max(size.width, size.height));
  Object.assign(it.ground, { width: Math.round(size.width * fine), height: Math.round(size.height * fine) });
  const pen = it.ground.getContext('2d');
  pen.scale(fine, fine);
  if (fill === 'noise') return;  // grey under the hatch
  const columns = [[0, sides.left, 0, -1], [sides.left, width, 0, 0], [sides.left + width, sides.right, width - 1, 1]];
  const rows = [[0, sides.top, 0, -1], [sides.top, height, 0, 0], [sides.top + height, sides.bottom, height - 1, 1]];
  for (const [x, wide, fromX, across] of columns) for (const [y, high, fromY, down] of rows) {
    if (wide && high && (across || down)) pen.drawImage(it.below, fromX, fromY, across ? 1 : width, down ? 1 : height, x, y, wide, high);
  }
}

// ---------------------------------------------------------------------------------------------------------- only masked
/** The frame of what "Only masked" cuts out, and the size that it is made at. */
export function drawSent(it) {
  if (it.root.hidden) return;
  const { values } = form, { width, height } = it.below;
  const region = values.only_masked && state.mode === 'inpaint' && sentRegion({
    painted: paintedBox(it), picture: { width, height }, made: madeSize(values, { width, height }), sides: it.sides, overlap: Number(values['outpaint.overlap'] ?? 0),
    blur: Number(values.mask_blur ?? 0), padding: Number(values.padding ?? 0),
  });
  it.frame.hidden = !region;
  if (!region) return;
  const [left, top, right, bottom] = region, scale = it.scale, { size } = placeOf(it), made = madeSize(values, { width, height });
  it.frame.style.cssText = `left:${left * scale}px;top:${top * scale}px;width:${(right - left) * scale}px;height:${(bottom - top) * scale}px`;
  it.frame.classList.toggle('inside', (size.height - bottom) * scale < BELOW);
  const cut = sizeText(right - left, bottom - top), whole = t('Only masked: {cut}, made at {sizeText}', { cut, sizeText: sizeText(made.width, made.height) });
  $('span', it.frame).textContent = it.desk.clientWidth < NARROW ? cut : whole;
}

/** @param {import('./page-types.d.ts').Values} values @param {{width: number, height: number}} picture */
function madeSize(values, picture) {
  const own = sizeLike(picture);
  return { width: Number(values.width) || own.width, height: Number(values.height) || own.height };
}

/** Pixels around painted colours that are masked too: as far as the mask's blur reaches inwards. */
export const reachOf = (it) => (hasColour(it.strokes.done) && !form.values.invert_mask ? 2 * Number(form.values.mask_blur ?? 0) : 0);

/** Around what is painted: found in the pixels when a stroke is over, and guessed while it is under the pointer. */
function paintedBox(it) {
  const inverted = Boolean(form.values.invert_mask), reach = reachOf(it);
  if (it.box === undefined || it.boxInverted !== inverted || it.boxReach !== reach) {
    if (it.strokes.current) return it.boxed ?? null;
    it.box = it.boxed = it.strokes.done.length ? boxOfMask(reach ? aroundColours(it.sheets, reach) : it.above, inverted) : null;
    it.boxInverted = inverted;
    it.boxReach = reach;
  }
  const { current } = it.strokes;
  if (!current || current.kind === 'eraser' || inverted) return it.box;
  const [left, top, right, bottom] = boxOf(current), { width, height } = it.below;
  return around(it.box, [Math.max(0, left), Math.max(0, top), Math.min(width, right), Math.min(height, bottom)]);
}
