// @ts-check
// A finger that stays: what it means, and that its end is no tap.

const LONG = 450;     // ms
const STILL = 10;     // px

/**
 * `act(event)` is called for a finger that rests on the node; false: it meant nothing.
 * @param {any} node
 * @param {(event: PointerEvent) => boolean} act
 */
export function onLongPress(node, act) {
  let timer = 0, done = false, x = 0, y = 0;
  const stop = () => clearTimeout(timer);
  node.addEventListener('pointerdown', (/** @type {PointerEvent} */ event) => {
    done = false;
    if (event.pointerType !== 'touch') return;
    [x, y] = [event.clientX, event.clientY];
    timer = setTimeout(() => { done = act(event); }, LONG);
  });
  node.addEventListener('pointermove', (/** @type {PointerEvent} */ event) => { if (Math.hypot(event.clientX - x, event.clientY - y) > STILL) stop(); });
  for (const kind of ['pointerup', 'pointercancel', 'pointerleave']) node.addEventListener(kind, stop);
  node.addEventListener('contextmenu', (/** @type {MouseEvent} */ event) => { if (done) event.preventDefault(); });
  node.addEventListener('click', (/** @type {MouseEvent} */ event) => { if (done) { done = false; event.stopImmediatePropagation(); event.preventDefault(); } }, true);
}
