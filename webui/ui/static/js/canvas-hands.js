// @ts-check
// Hands on the canvas: mouse, pen and fingers paint, move the view, zoom, and take a colour.

/** @typedef {{look: () => void, show: () => void, back: () => void, replay: () => void, painted: () => void, stack: any}} Ways what the canvas does: lay out, draw the mask, undo, paint everything anew; what follows a stroke; and its pictures */

import { panned, startPinch, wheel } from './canvas-view.js';
import { copyOf, paint, paintAnew } from './mask-paint.js';
import { store } from './storage.js';

const STILL = 8;       // px that two fingers may move and still have only tapped

/** @param {any} it @param {Ways} ways */
export function wireHands(it, ways) {
  it.above.onpointerdown = (event) => down(it, event, ways);
  it.above.onpointermove = (event) => move(it, event, ways);
  it.above.onpointerup = it.above.onpointercancel = (event) => up(it, event, ways);
  it.desk.addEventListener('wheel', (event) => { if (wheel(it, event)) ways.look(); moveRing(it, event); }, { passive: false });
}

function moveRing({ desk, ring, size, scale }, event) {
  const box = desk.getBoundingClientRect();
  const side = `${size.value * scale}px`;
  Object.assign(ring.style, { left: `${event.clientX - box.left}px`, top: `${event.clientY - box.top}px`, inlineSize: side, blockSize: side });
}

function place({ above }, event) {
  const box = above.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * above.width, ((event.clientY - box.top) / box.height) * above.height];
}

/** @param {any} it @param {PointerEvent} event @param {Ways} ways */
function down(it, event, ways) {
  try { it.above.setPointerCapture(event.pointerId); } catch { /* a made-up pointer (tests) cannot be captured */ }
  if (event.pointerType === 'touch') it.fingers.set(event.pointerId, [event.clientX, event.clientY]);
  if (event.pointerType === 'pen') it.pen = true;
  if (it.fingers.size === 2) return twoFingers(it, ways);
  const palm = it.pen && event.pointerType === 'touch';
  if (event.button === 1 || event.shiftKey || it.space || it.tool === 'hand' || palm) return hold(it, { pan: [event.clientX, event.clientY], place: it.place });
  if (event.button) return;
  if (it.tool === 'layer') return hold(it, { pan: [event.clientX, event.clientY], part: ways.stack.part() });
  if (event.ctrlKey && it.tool === 'colour') return takeColour(it, event);
  const erases = event.pointerType === 'pen' && event.buttons === 32;
  it.hold = null;
  const stroke = it.strokes.begin(erases ? 'eraser' : it.tool, +it.size.value, place(it, event), it.soft.value / 100, it.tool === 'colour' && !erases ? it.ink.value : undefined);
  if (stroke.soft) it.before = { mask: copyOf(it.above), colour: copyOf(it.colour) };
  paint(it.sheets, stroke);
  ways.show();
}

/** The colour under the pointer becomes the brush's. */
function takeColour(it, event) {
  const [x, y] = place(it, event).map(Math.floor);
  const at = (canvas) => [...canvas.getContext('2d').getImageData(x, y, 1, 1).data];
  const found = [at(it.colour), at(it.below)].find((pixel) => pixel[3] > 127);
  if (!found) return;
  it.ink.value = `#${found.slice(0, 3).map((each) => each.toString(16).padStart(2, '0')).join('')}`;
  store('brush-colour', it.ink.value);
}

function hold(it, what) {
  it.strokes.drop();
  it.hold = what;
}

/** A second finger: what the first one painted is taken back, and both zoom. */
function twoFingers(it, ways) {
  hold(it, { pinch: startPinch(it, [...it.fingers.values()]), from: [...it.fingers.values()].flat(), still: true });
  ways.replay();
}

function move(it, event, ways) {
  moveRing(it, event);
  if (it.fingers.has(event.pointerId)) it.fingers.set(event.pointerId, [event.clientX, event.clientY]);
  if (it.hold) return moveView(it, event, ways);
  if (!it.strokes.current) return;
  const points = event.getCoalescedEvents?.() ?? [];
  const soft = it.strokes.current.soft > 0;
  for (const each of points.length ? points : [event]) {
    const piece = it.strokes.extend(place(it, each));
    if (!soft) paint(it.sheets, piece);
  }
  if (soft) paintAnew(it.sheets, it.before, it.strokes.current);
  ways.show();
}

function moveView(it, event, ways) {
  const { hold: held } = it;
  if (held.part) {
    const box = it.above.getBoundingClientRect();
    return ways.stack.drag(held.part, (event.clientX - held.pan[0]) / box.width, (event.clientY - held.pan[1]) / box.height);
  }
  if (held.pan) it.place = panned(it, held.place, { x: event.clientX - held.pan[0], y: event.clientY - held.pan[1] });
  else if (it.fingers.size < 2) return;
  else {
    const now = [...it.fingers.values()];
    held.still &&= now.flat().every((each, n) => Math.abs(each - held.from[n]) < STILL);
    it.place = held.pinch(now);
  }
  ways.look();
}

function up(it, event, ways) {
  it.fingers.delete(event.pointerId);
  if (it.strokes.lift()) ways.painted();
  if (it.fingers.size) return;
  if (it.hold?.part) ways.stack.drop();
  const tapped = it.hold?.still && event.type === 'pointerup';
  it.hold = null;
  if (tapped) ways.back();
}

