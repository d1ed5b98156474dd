// @ts-check
// What was done on the canvas, as a list that is replayed, so that undo, redo and invert are exact; and the pictures before one that was accepted. No canvas element here.

/** @import { Layer } from './canvas-layers.js' */
/** @import { Sides } from './canvas-region.js' */

/** @typedef {[number, number]} Point */
/** @typedef {{kind: 'brush' | 'eraser' | 'colour', size: number, soft: number, colour?: string, points: Point[]}} Stroke `soft`: 0 for a hard edge, to 1 */
/** @typedef {{kind: 'sides', from: Sides, to: Sides}} Pull */
/** @typedef {{kind: 'layers', from: readonly Layer[], to: readonly Layer[]}} Stack */
/** @typedef {Stroke | Pull | Stack | {kind: 'invert'} | {kind: 'clear'} | {kind: 'image', image: CanvasImageSource}} Act */
/** @typedef {{done: Act[], undone: Act[]}} Kept */

export class Strokes {
  /** @type {Act[]} */
  done = [];
  /** @type {Act[]} */
  undone = [];
  /** @type {Stroke | null} under the pointer, not yet in the list */
  current = null;

  /** A picture is opened: nothing is painted on it. */
  reset() {
    this.done = [];
    this.undone = [];
    this.current = null;
  }

  /**
   * The pointer goes down.
   * @param {Stroke['kind']} kind
   * @param {number} size
   * @param {Point} point
   * @param {number} [soft]
   * @param {string} [colour]
   */
  begin(kind, size, point, soft = 0, colour = undefined) {
    this.current = { kind, size, soft, ...(colour && { colour }), points: [point, point] };
    return this.current;
  }

  /**
   * The pointer moves; gives the piece that was added, to be painted.
   * @param {Point} point
   * @returns {Stroke | null}
   */
  extend(point) {
    if (!this.current) return null;
    const last = this.current.points[this.current.points.length - 1];
    this.current.points.push(point);
    return { ...this.current, points: [last, point] };
  }

  /** The stroke is over: what is seen is what the list says. Whether there was one. */
  finish() {
    const { current } = this;
    this.current = null;
    if (current) this.done.push(current);
    return Boolean(current);
  }

  /** The pointer was lifted: like any act it makes what was undone unreachable. */
  lift() {
    const painted = this.finish();
    if (painted) this.undone = [];
    return painted;
  }

  /** What is under the pointer was not meant: it was the first finger of two. */
  drop() {
    this.current = null;
  }

  /** @param {Act} act */
  push(act) {
    this.finish();
    this.done.push(act);
    this.undone = [];
  }

  /** A stroke in the midst is ended first, and is the one that is taken back. Gives it; null where there is nothing. */
  undo() {
    this.finish();
    return move(this.done, this.undone);
  }

  redo() {
    this.finish();
    return move(this.undone, this.done);
  }

  /** All that was done on this picture, for when one comes back to it. @returns {Kept} */
  keep() {
    this.finish();
    return { done: this.done, undone: this.undone };
  }

  /** @param {Kept} kept */
  take({ done, undone }) {
    this.current = null;
    [this.done, this.undone] = [done, undone];
  }
}

/**
 * The pictures before the one on the canvas, each with what was done on it: a result that is accepted takes the place of its start picture, and undo leads back.
 * @template T
 */
export class Accepted {
  /** @type {T[]} */
  before = [];
  /** @type {T[]} */
  after = [];

  /** @param {T} now */
  accept(now) {
    this.before.push(now);
    this.after = [];
  }

  /** The one before, `now` being what is left; null where there is none. @param {T} now */
  back(now) {
    const last = this.before.pop();
    if (last) this.after.push(now);
    return last ?? null;
  }

  /** @param {T} now */
  forth(now) {
    const next = this.after.pop();
    if (next) this.before.push(now);
    return next ?? null;
  }

  /** Something else was done instead. */
  settle() {
    this.after = [];
  }

  reset() {
    this.before = [];
    this.after = [];
  }
}

/**
 * @param {Act[]} from
 * @param {Act[]} to
 */
function move(from, to) {
  const act = from.pop();
  if (act) to.push(act);
  return act ?? null;
}

/**
 * How a stroke is drawn: how wide its hard line is, and how far that is blurred. Its middle line is covered nearly wholly, and it ends about where a hard one ends.
 * @param {Pick<Stroke, 'size' | 'soft'>} stroke
 */
export const edgeOf = ({ size, soft }) => ({ width: size * (1 - 0.4 * soft), blur: size * 0.3 * soft });

/** Whether the list has greys, which only soft inpainting heeds. @param {readonly Act[]} acts */
export const hasGreys = (acts) => acts.some((act) => (act.kind === 'brush' || act.kind === 'colour') && act.soft > 0);

/** Whether colour was painted since all was last cleared. @param {readonly Act[]} acts */
export const hasColour = (acts) => acts.slice(acts.findLastIndex((act) => act.kind === 'clear') + 1).some((act) => act.kind === 'colour');

/**
 * The box around a stroke that covers, with its soft edge.
 * @param {Stroke} stroke
 * @returns {[number, number, number, number]}
 */
export function boxOf({ size, points }) {
  const xs = points.map(([x]) => x), ys = points.map(([, y]) => y), more = size / 2;
  return [Math.floor(Math.min(...xs) - more), Math.floor(Math.min(...ys) - more), Math.ceil(Math.max(...xs) + more), Math.ceil(Math.max(...ys) + more)];
}
