// @ts-check
// The four edges of the picture on the canvas: pulled, or moved by the arrow keys, each gives it a new side.

/** @import { Side } from './canvas-region.js' */

import { FINE, SIDES } from './canvas-region.js';
import { $, el } from './dom.js';
import { t } from './language.js';

/** @type {Record<Side, {name: string, out: string, back: string, sign: number}>} */
const WAYS = {
  left: { name: 'left', out: 'ArrowLeft', back: 'ArrowRight', sign: -1 },
  top: { name: 'above', out: 'ArrowUp', back: 'ArrowDown', sign: -1 },
  right: { name: 'right', out: 'ArrowRight', back: 'ArrowLeft', sign: 1 },
  bottom: { name: 'below', out: 'ArrowDown', back: 'ArrowUp', sign: 1 },
};

/**
 * The edges' buttons. `hands.pixels()` is how many pixels of the picture a screen pixel is, `hands.stride()` how many of them an edge goes at a time; `begin`, `pull` and `end` go with a hand, `step` with a key.
 * @param {{pixels: () => number, stride: () => number, begin: (side: Side) => number, pull: (side: Side, to: number, stride: number) => void, end: (side: Side) => void, step: (side: Side, by: number | null) => void}} hands
 */
export function makeEdges(hands) {
  const edges = SIDES.map((side) => edge(side, hands));
  return {
    edges,
    /** @param {import('./canvas-region.js').Sides} sides */
    say(sides) {
      for (const each of edges) {
        const by = sides[/** @type {Side} */ (each.dataset.side)];
        $('span', each).textContent = by ? `+${by}` : '';
        each.classList.toggle('out', by > 0);
        each.setAttribute('aria-label', t('{more}Extend {each}: arrow keys by {stride} pixels', { more: by ? `+${by} ` : '', each: WAYS[each.dataset.side].name, stride: hands.stride() }));
      }
    },
  };
}

/** @param {Side} side @param {Parameters<typeof makeEdges>[0]} hands */
function edge(side, hands) {
  const { out, back, sign } = WAYS[side], across = side === 'left' || side === 'right';
  const node = el('button.canvas-edge', { type: 'button', 'data-side': side, title: t('Pull to extend the picture (outpaint); Shift for fine steps') }, el('i'), el('span'));
  const at = (/** @type {PointerEvent} */ event) => (across ? event.clientX : event.clientY);
  const strideAt = (/** @type {PointerEvent | KeyboardEvent} */ event) => (event.shiftKey ? FINE : hands.stride());
  /** @type {{from: number, start: number, pixels: number} | null} */
  let held = null;
  node.onpointerdown = (event) => {
    if (event.button) return;
    try { node.setPointerCapture(event.pointerId); } catch { /* a made-up pointer (tests) cannot be captured */ }
    held = { from: at(event), start: hands.begin(side), pixels: hands.pixels() };
  };
  node.onpointermove = (event) => {
    if (held) hands.pull(side, held.start + (at(event) - held.from) * sign * held.pixels, strideAt(event));
  };
  node.onpointerup = node.onpointercancel = () => {
    if (!held) return;
    held = null;
    hands.end(side);
  };
  node.onkeydown = (event) => {
    const stride = strideAt(event);
    if (event.key === out) hands.step(side, stride);
    else if (event.key === back) hands.step(side, -stride);
    else if (event.key === 'Delete' || event.key === 'Backspace') hands.step(side, null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return node;
}
