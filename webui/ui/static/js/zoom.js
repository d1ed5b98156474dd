// @ts-check
// Zoom and pan over one or several pictures that share a place: wheel, pinch, drag, double click, keys. What it works out is in zoom-place.js.

/** @import { Place, Point, Size } from './zoom-place.js' */

import { $$, el, iconButton } from './dom.js';
import { t } from './language.js';
import { FITTED, gestureOf, hasHardPixels, moved, percentOf, pinched, scaleOf, zoomed } from './zoom-place.js';

const STEP = 1.5;       // a press of + or −
const STRIDE = 80;      // px that an arrow key with Shift moves
const OURS = 'button, [role=slider], a, input';
const NOTCH = 120;      // a wheel's turn; two fingers on a trackpad give anything

export class Zoom {
  /** @type {Place} */
  place = { ...FITTED };
  /** @type {Size} */
  size = { width: 1, height: 1 };
  /** @type {Map<number, Point>} */
  #fingers = new Map();
  /** @type {any} */
  #start = null;
  /** @type {any} */
  #rect = null;

  /**
   * `box` holds one frame or several (`.pane`), and in each pictures (`.zoomed`). `told` is called with what there is to say at every change;
   * `gesture` with what a finger meant on a fitted picture.
   * @param {HTMLElement} box
   * @param {{told?: (zoom: Zoom) => void, gesture?: (meant: 'next' | 'previous' | 'away' | 'tap') => void}} [options]
   */
  constructor(box, { told = () => {}, gesture = () => {} } = {}) {
    this.box = box;
    this.told = told;
    this.gesture = gesture;
    this.#wire();
    new ResizeObserver(() => this.draw()).observe(box);
  }

  get pane() { return this.box.querySelector('.pane') ?? this.box; }
  get frame() { return { width: Math.max(1, this.pane.clientWidth), height: Math.max(1, this.pane.clientHeight) }; }
  get scale() { return scaleOf(this.place, this.frame, this.size); }
  get percent() { return percentOf(this.place, this.frame, this.size); }

  /** Another picture: one of the same size stays where it was, else it is fitted. @param {Size} size */
  take(size) {
    const same = size.width === this.size.width && size.height === this.size.height;
    this.size = size;
    if (!same) this.place = { ...FITTED };
    this.draw();
  }

  /** @param {number} scale @param {Point} [at] */
  to(scale, at) { this.put(zoomed(this.place, scale, this.frame, this.size, at)); }
  fit() { this.put({ ...FITTED }); }
  /** Between the whole picture and its real pixels. @param {Point} [at] */
  flip(at) {
    if (this.place.scale) this.fit();
    else this.to(Math.abs(this.scale - 1) < 0.01 ? 2 : 1, at);
  }

  /** @param {Place} place */
  put(place) {
    this.place = place;
    this.draw();
  }

  draw() {
    const { scale, place } = this;
    for (const each of $$('.zoomed', this.box)) {
      const width = this.size.width * scale;  // others are laid over it at the same width
      const height = width * Number(each.dataset.shape || this.size.height / this.size.width);
      each.style.cssText = `inline-size:${width}px;block-size:${height}px;transform:translate(calc(-50% + ${place.x}px),calc(-50% + ${place.y}px));image-rendering:${hasHardPixels(scale) ? 'pixelated' : 'auto'}`;
    }
    this.told(this);
  }

  /** What a key does; false for one that is not about zoom. @param {KeyboardEvent} event */
  key({ key, shiftKey }) {
    const by = shiftKey && { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[key];
    if (by) this.put(moved(this.place, { x: by[0] * STRIDE, y: by[1] * STRIDE }, this.frame, this.size));
    else if (key === '+' || key === '=') this.to(this.scale * STEP);
    else if (key === '-') this.to(this.scale / STEP);
    else if (key === 'z' || key === 'Z') this.flip();
    else return false;
    return true;
  }

  // -------------------------------------------------------------------------------------------------------- pointers
  /** The frame that the pointer is over. @param {MouseEvent} event @returns {DOMRect} */
  #over({ clientX, clientY }) {
    const boxes = $$('.pane', this.box).map((each) => each.getBoundingClientRect());
    return boxes.find((each) => clientX >= each.left && clientX <= each.right && clientY >= each.top && clientY <= each.bottom) ?? boxes[0];
  }

  /** Where the pointer is, from the middle of a frame. @param {MouseEvent} event @returns {Point} */
  #at({ clientX, clientY }, { left, top, width, height }) { return { x: clientX - left - width / 2, y: clientY - top - height / 2 }; }

  #wire() {
    this.box.addEventListener('wheel', (event) => this.#wheel(event), { passive: false });
    this.box.addEventListener('dblclick', (event) => this.#twice(event));
    this.box.addEventListener('pointerdown', (event) => this.#down(event));
    this.box.addEventListener('pointermove', (event) => this.#move(event));
    this.box.addEventListener('pointerup', (event) => this.#up(event));
    this.box.addEventListener('pointercancel', (event) => this.#fingers.delete(event.pointerId));
  }

  #twice(event) { if (!event.target.closest(OURS)) this.flip(this.#at(event, this.#over(event))); }

  #wheel(event) {
    event.preventDefault();
    const fromWheel = event.ctrlKey || event.deltaMode !== 0 || (event.deltaX === 0 && (event.wheelDeltaY ?? NOTCH) % NOTCH === 0);
    if (fromWheel || !this.place.scale) this.to(this.scale * 1.0018 ** -(event.deltaY * (event.deltaMode === 1 ? 20 : 1) * (event.ctrlKey ? 5 : 1)), this.#at(event, this.#over(event)));
    else this.put(moved(this.place, { x: -event.deltaX, y: -event.deltaY }, this.frame, this.size));
  }

  #down(event) {
    if (event.target.closest(OURS) || event.button > 0) return;
    if (!this.#fingers.size) this.#rect = this.#over(event);  // of the whole movement, also where it leads out of it
    this.#fingers.set(event.pointerId, this.#at(event, this.#rect));
    this.#begin(event.pointerType === 'touch' && this.#fingers.size === 1);
    this.box.setPointerCapture?.(event.pointerId);
  }

  /** What the next movements are measured from. @param {boolean} mayMean whether it may be a gesture yet */
  #begin(mayMean) { this.#start = { place: this.place, from: [...this.#fingers.values()], mayMean }; }

  #move(event) {
    if (!this.#fingers.has(event.pointerId)) return;
    this.#fingers.set(event.pointerId, this.#at(event, this.#rect));
    const [one, two] = [...this.#fingers.values()];
    const { place, from } = this.#start;
    if (two && from[1]) this.put(pinched(place, [from[0], from[1]], [one, two], this.frame, this.size));
    else if (!two && from[0] && place.scale) this.put(moved(place, { x: one.x - from[0].x, y: one.y - from[0].y }, this.frame, this.size));
  }

  #up(event) {
    const last = this.#fingers.get(event.pointerId);
    if (!last) return;
    this.#fingers.delete(event.pointerId);
    const { mayMean, from, place } = this.#start;
    if (mayMean) {
      const meant = gestureOf({ x: last.x - from[0].x, y: last.y - from[0].y });
      if (meant && (!place.scale || meant === 'tap')) this.gesture(meant);
    }
    this.#begin(false);
  }
}

/**
 * Smaller, how large it is (a press: fitted or real pixels), larger.
 * @param {Zoom} zoom
 */
export function zoomTools(zoom) {
  const told = el('button.tool.percent', { type: 'button', title: t('Fit or real pixels (Z)'), onclick: () => zoom.flip() });
  const node = el('div.look-zoom', { role: 'group', 'aria-label': t('Zoom') }, iconButton('minus', t('Smaller (−)'), () => zoom.to(zoom.scale / STEP)), told, iconButton('plus', t('Larger (+)'), () => zoom.to(zoom.scale * STEP)));
  return { node, say: () => { told.textContent = zoom.percent; told.setAttribute('aria-label', t('{percent}, fit or real pixels (Z)', { percent: zoom.percent })); } };
}

