// @ts-check
// What was painted on a mask, as a list that is replayed, so that undo, redo and invert are exact; and how far one looks into it. No canvas here.

/** @typedef {[number, number]} Point */
/** @typedef {{kind: 'brush' | 'eraser', size: number, soft: number, points: Point[]}} Stroke `soft`: 0 for a hard edge, to 1 */
/** @typedef {Stroke | {kind: 'invert'} | {kind: 'clear'} | {kind: 'image', image: CanvasImageSource}} Act */
/** @typedef {{zoom: number, shift: Point}} View */

const MAX_ZOOM = 8;

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
   */
  begin(kind, size, point, soft = 0) {
    this.current = { kind, size, soft, points: [point, point] };
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

  /** A stroke in the midst is ended first, and is the one that is taken back. False where there is nothing. */
  undo() {
    this.finish();
    return move(this.done, this.undone);
  }

  redo() {
    this.finish();
    return move(this.undone, this.done);
  }
}

/**
 * @param {Act[]} from
 * @param {Act[]} to
 */
function move(from, to) {
  const act = from.pop();
  if (act) to.push(act);
  return Boolean(act);
}

/**
 * A view within its bounds: what is not enlarged is not shifted.
 * @param {number} zoom
 * @param {Point} shift
 * @returns {View}
 */
export function bounded(zoom, shift) {
  const within = Math.min(MAX_ZOOM, Math.max(1, zoom));
  return { zoom: within, shift: within === 1 ? [0, 0] : shift };
}

/** @type {(a: Point, b: Point) => number} */
const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1]);
/** @type {(a: Point, b: Point) => Point} */
const between = (a, b) => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];

/**
 * Two fingers on the mask: gives how it is looked at once they have moved.
 * @param {View} view when they were put down
 * @param {Point} a
 * @param {Point} b
 * @returns {(a: Point, b: Point) => View}
 */
export function pinch(view, a, b) {
  const spread = distance(a, b), middle = between(a, b);
  return (nowA, nowB) => {
    const now = between(nowA, nowB);
    return { zoom: (view.zoom * distance(nowA, nowB)) / spread, shift: [view.shift[0] + now[0] - middle[0], view.shift[1] + now[1] - middle[1]] };
  };
}

/**
 * How a stroke is drawn: how wide its hard line is, and how far that is blurred. Its middle line is covered nearly wholly, and it ends about where a hard one ends.
 * @param {Pick<Stroke, 'size' | 'soft'>} stroke
 */
export const edgeOf = ({ size, soft }) => ({ width: size * (1 - 0.4 * soft), blur: size * 0.3 * soft });

/** Whether the list has greys, which only soft inpainting heeds. @param {readonly Act[]} acts */
export const hasGreys = (acts) => acts.some((act) => act.kind === 'brush' && act.soft > 0);
