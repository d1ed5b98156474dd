// @ts-check
// Where a picture lies in its frame while it is zoomed and moved; worked out without the page. Scales are screen pixels per pixel of the picture.

/** @typedef {{width: number, height: number}} Size */
/** @typedef {{x: number, y: number}} Point relative to the frame's middle */
/** @typedef {{scale: number, x: number, y: number}} Place `scale` 0: as large as the frame; x, y: where the picture's middle is from the frame's */

import { t } from './language.js';

const MOST = 8;        // screen pixels for one of the picture
const BEYOND = 4;      // a picture that is small for its frame may become so many times as large as that
const NEARLY = 0.01;   // as good as fitted
const HARD = 3;        // from here on pixels have hard edges

/** @type {Readonly<Place>} */
export const FITTED = Object.freeze({ scale: 0, x: 0, y: 0 });

/**
 * The scale at which a picture just fits.
 * @param {Size} frame
 * @param {Size} picture
 */
export const fitOf = (frame, picture) => Math.min(frame.width / picture.width, frame.height / picture.height) || 1;

/**
 * The scale that a place means.
 * @param {Place} place
 * @param {Size} frame
 * @param {Size} picture
 */
export const scaleOf = (place, frame, picture) => place.scale || fitOf(frame, picture);

/** @type {(scale: number) => boolean} */
export const hasHardPixels = (scale) => scale >= HARD;

/**
 * Another scale; the point of the picture that is at `at` stays there, unless the picture would leave the frame.
 * @param {Place} place
 * @param {number} scale
 * @param {Size} frame
 * @param {Size} picture
 * @param {Point} [at]
 * @returns {Place}
 */
export function zoomed(place, scale, frame, picture, at = { x: 0, y: 0 }) {
  const fit = fitOf(frame, picture);
  const now = scaleOf(place, frame, picture);
  const next = Math.min(Math.max(scale, Math.min(fit, 1)), Math.max(MOST, fit * BEYOND));
  if (Math.abs(next / fit - 1) < NEARLY) return { ...FITTED };
  return within({ scale: next, x: at.x - ((at.x - place.x) * next) / now, y: at.y - ((at.y - place.y) * next) / now }, frame, picture);
}

/**
 * Moved by so much. A picture that is fitted stays.
 * @param {Place} place
 * @param {Point} by
 * @param {Size} frame
 * @param {Size} picture
 * @returns {Place}
 */
export const moved = (place, by, frame, picture) => (place.scale ? within({ ...place, x: place.x + by.x, y: place.y + by.y }, frame, picture) : place);

/**
 * Two fingers went from one pair of points to another.
 * @param {Place} place where it was at first
 * @param {readonly [Point, Point]} from
 * @param {readonly [Point, Point]} to
 * @param {Size} frame
 * @param {Size} picture
 * @returns {Place}
 */
export function pinched(place, from, to, frame, picture) {
  const before = middle(from), after = middle(to);
  const larger = zoomed(place, scaleOf(place, frame, picture) * (apart(to) / Math.max(apart(from), 1)), frame, picture, before);
  return moved(larger, { x: after.x - before.x, y: after.y - before.y }, frame, picture);
}

/** @type {(pair: readonly [Point, Point]) => Point} */
const middle = ([a, b]) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
/** @type {(pair: readonly [Point, Point]) => number} */
const apart = ([a, b]) => Math.hypot(a.x - b.x, a.y - b.y);

/**
 * An edge of the picture comes no further in than where it is when the picture fits.
 * @param {Place} place
 * @param {Size} frame
 * @param {Size} picture
 * @returns {Place}
 */
function within(place, frame, picture) {
  const more = Math.max(0, place.scale - fitOf(frame, picture)) / 2;
  const inside = (/** @type {number} */ value, /** @type {number} */ most) => Math.min(Math.max(value, -most), most);
  return { scale: place.scale, x: inside(place.x, picture.width * more), y: inside(place.y, picture.height * more) };
}

/**
 * The part of the picture that is seen, as fractions of it; nothing where all of it is.
 * @param {Place} place
 * @param {Size} frame
 * @param {Size} picture
 */
export function seenPart(place, frame, picture) {
  const scale = scaleOf(place, frame, picture);
  const wide = picture.width * scale, high = picture.height * scale;
  if (wide <= frame.width + 1 && high <= frame.height + 1) return null;
  const width = Math.min(1, frame.width / wide), height = Math.min(1, frame.height / high);
  return { left: 0.5 - place.x / wide - width / 2, top: 0.5 - place.y / high - height / 2, width, height };
}

/**
 * "Fit · 57 %", "100 %": per cent of the file's own pixels.
 * @param {Place} place
 * @param {Size} frame
 * @param {Size} picture
 */
export const percentOf = (place, frame, picture) => `${place.scale ? '' : t('Fit · ')}${Math.round(scaleOf(place, frame, picture) * 100)} %`;

/**
 * What a finger meant that came down and went up again on a fitted picture.
 * @param {Point} by
 * @returns {'next' | 'previous' | 'away' | 'tap' | null}
 */
export function gestureOf({ x, y }) {
  if (Math.hypot(x, y) < 8) return 'tap';
  if (Math.abs(x) > 50 && Math.abs(x) > Math.abs(y)) return x < 0 ? 'next' : 'previous';
  return y > 80 && y > Math.abs(x) ? 'away' : null;
}
