// @ts-check
// The canvas in numbers: the sides that a picture gets by outpainting, and the part that "Only masked" cuts out, as the engine works both out. No page here.

/** @typedef {{width: number, height: number}} Size */
/** @typedef {[number, number, number, number]} Box left, top, right, bottom; right and bottom are outside */
/** @typedef {{left: number, top: number, right: number, bottom: number}} Sides pixels added on each */
/** @typedef {keyof Sides} Side */

/** @type {readonly Side[]} */
export const SIDES = ['left', 'top', 'right', 'bottom'];
/** @type {Readonly<Sides>} */
export const NO_SIDES = Object.freeze({ left: 0, top: 0, right: 0, bottom: 0 });
const MOST = 4096;     // pixels a side
const MULTIPLE = 8;    // that the sides of a picture are
const STRIDE = 64;     // that an edge goes at a time; less at a small picture
export const FINE = 8;

/** @type {(sides: Sides) => boolean} */
export const anySide = (sides) => SIDES.some((side) => sides[side] > 0);
/** @type {(a: Sides, b: Sides) => boolean} */
export const sameSides = (a, b) => SIDES.every((side) => a[side] === b[side]);

/**
 * The sides that a form asks for: none while its fold is off.
 * @param {Record<string, any>} values
 * @returns {Sides}
 */
export function sidesIn(values) {
  if (!values['outpaint.enabled']) return { ...NO_SIDES };
  const [left, top, right, bottom] = SIDES.map((side) => Math.min(MOST, Math.max(0, Math.round(Number(values[`outpaint.${side}`])) || 0)));
  return { left, top, right, bottom };
}

/** A form's values for these sides. @param {Sides} sides */
export const valuesOf = (sides) => ({ 'outpaint.enabled': anySide(sides), ...Object.fromEntries(SIDES.map((side) => [`outpaint.${side}`, sides[side]])) });

/** How many pixels an edge goes at a time. @param {Size} picture */
export const strideOf = ({ width, height }) => Math.min(STRIDE, Math.max(FINE, Math.floor(Math.min(width, height) / STRIDE) * FINE));

/**
 * A side after it was pulled to about so many pixels: in steps, and no further than a picture may be large.
 * @param {number} to
 * @param {number} step
 * @param {number} [most]
 */
export function pulledTo(to, step, most = MOST) {
  return Math.max(0, Math.min(Math.round(to / step) * step, Math.floor(most / FINE) * FINE));
}

/** How far a side may go where the others stay. @param {Size} picture @param {Sides} sides @param {Side} side */
export const mostOf = ({ width, height }, sides, side) => MOST - (side === 'left' || side === 'right' ? width + sides.left + sides.right : height + sides.top + sides.bottom) + sides[side];

/**
 * The whole picture with its new sides, these a little larger where its size would be none that can be made. As `outpainted` of core/sizes.py.
 * @param {Size} picture
 * @param {Sides} sides
 * @returns {{size: Size, sides: Sides}}
 */
export function extended({ width, height }, sides) {
  if (!anySide(sides)) return { size: { width, height }, sides: { ...sides } };
  const wide = width + sides.left + sides.right, high = height + sides.top + sides.bottom;
  const size = { width: Math.ceil(wide / MULTIPLE) * MULTIPLE, height: Math.ceil(high / MULTIPLE) * MULTIPLE };
  const across = sides.left && !sides.right ? 'left' : 'right', down = sides.top && !sides.bottom ? 'top' : 'bottom';
  return { size, sides: { ...sides, [across]: sides[across] + size.width - wide, [down]: sides[down] + size.height - high } };
}

/**
 * The smallest box around both; nothing around nothing.
 * @param {Box | null} a
 * @param {Box | null} b
 * @returns {Box | null}
 */
export function around(a, b) {
  if (!a || !b) return a ?? b;
  return [Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])];
}

/**
 * The box around the new sides, with so many pixels of the picture beside each.
 * @param {Size} size the whole
 * @param {Sides} sides
 * @param {number} overlap
 * @returns {Box | null}
 */
export function boxOfSides({ width, height }, sides, overlap) {
  /** @type {Box | null} */
  let box = null;
  if (sides.left) box = around(box, [0, 0, Math.min(width, sides.left + overlap), height]);
  if (sides.right) box = around(box, [Math.max(0, width - sides.right - overlap), 0, width, height]);
  if (sides.top) box = around(box, [0, 0, width, Math.min(height, sides.top + overlap)]);
  if (sides.bottom) box = around(box, [0, Math.max(0, height - sides.bottom - overlap), width, height]);
  return box;
}

/**
 * How many pixels a mask's blur reaches out: where its kernel, in whole 256ths, still has a weight. As `blur_mask` of images/pixels.py.
 * @param {number} blur
 */
export function reachOf(blur) {
  const reach = Math.floor(2.5 * blur + 0.5);
  if (blur <= 0) return 0;
  const exact = Array.from({ length: 2 * reach + 1 }, (_, n) => Math.exp(-0.5 * ((n - reach) / blur) ** 2));
  const sum = exact.reduce((all, each) => all + each, 0);
  let over = 0;
  for (let n = 0; n < reach; n += 1) {
    const weight = (256 * exact[n]) / sum, whole = Math.round(weight + over);
    if (whole) return reach - n;
    over += weight - whole;
  }
  return 0;
}

/**
 * The part that "Only masked" cuts out of the whole picture, to be made at `made`; nothing where nothing is masked.
 * @param {{painted: Box | null, picture: Size, made: Size, sides?: Sides, overlap?: number, blur?: number, padding?: number}} what `painted`: around the mask, in the picture
 * @returns {Box | null}
 */
export function sentRegion({ painted, picture, made, sides = NO_SIDES, overlap = 0, blur = 0, padding = 0 }) {
  const { size, sides: given } = extended(picture, sides);
  const moved = painted && /** @type {Box} */ ([painted[0] + given.left, painted[1] + given.top, painted[2] + given.left, painted[3] + given.top]);
  const box = around(moved, boxOfSides(size, given, overlap));
  if (!box) return null;
  const more = reachOf(blur) + padding;
  return grown([Math.max(box[0] - more, 0), Math.max(box[1] - more, 0), Math.min(box[2] + more, size.width), Math.min(box[3] + more, size.height)], made, size);
}

/**
 * A box in the shape of what is made, moved to stay inside. As `expand_region` of images/pixels.py.
 * @param {Box} box
 * @param {Size} made
 * @param {Size} size
 * @returns {Box}
 */
function grown([left, top, right, bottom], made, size) {
  const shape = made.width / made.height;
  if ((right - left) / (bottom - top) > shape) [top, bottom] = spread(top, bottom, Math.trunc((right - left) / shape - (bottom - top)), size.height);
  else [left, right] = spread(left, right, Math.trunc((bottom - top) * shape - (right - left)), size.width);
  return [left, top, right, bottom];
}

/** @type {(low: number, high: number, by: number, limit: number) => [number, number]} */
function spread(low, high, by, limit) {
  const half = Math.floor(by / 2);
  [low, high] = [low - half, high + by - half];
  if (high >= limit) [low, high] = [low - (high - limit), limit];
  if (low < 0) [low, high] = [0, high - low];
  return [low, Math.min(high, limit)];
}
