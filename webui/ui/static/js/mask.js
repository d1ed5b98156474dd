// @ts-check
// The mask: two stacked canvases on the stage, the picture below, the paint above. Strokes are a list and replayed,
// so undo, redo and invert are exact. The server gets a black and white PNG of the picture's size, uploaded when Generate needs it.

import { images, page } from './api.js';
import { $, el, iconButton } from './dom.js';
import { clearErrors } from './form.js';
import { store, stored } from './storage.js';
import { draw, state } from './state.js';
import { complain } from './toast.js';

const INK = '#ffaa3c';  // amber on the screen, white for the server
const RGB = [255, 170, 60];
const MAX_ZOOM = 8;

export function makeMask() {
  const it = { tool: 'brush', strokes: [], undone: [], zoom: 1, shift: [0, 0], stroke: null, last: '', sent: null, fingers: new Map() };
  build(it);
  wirePointer(it);
  it.desk.addEventListener('wheel', (event) => wheel(it, event), { passive: false });
  const open = () => openPicture(it);
  const back = () => { if (it.missing && it.last) showPicture(it); };
  return { root: it.root, draw: open, back, sourceChanged: () => { it.last = ''; open(); }, key: (event) => key(it, event), id: () => uploaded(it), strokes: it };
}

// ---------------------------------------------------------------------------------------------------------- the parts
function build(it) {
  it.below = el('canvas');
  it.above = el('canvas.paint', { tabindex: 0, role: 'img', 'aria-label': 'Mask: paint over the part to change' });
  it.ring = el('i.ring');
  it.sheet = el('div.sheet', {}, it.below, it.above);
  it.desk = el('div.desk', {}, it.sheet, it.ring);
  it.ink = it.above.getContext('2d');
  it.size = el('input', { type: 'range', min: 2, max: 200, value: stored('brush', 48), 'aria-label': 'Brush size', title: 'Brush size ([ and ])', oninput: () => store('brush', +it.size.value) });
  it.tools = tools(it);
  const t = it.tools;
  const bar = el('div.mask-tools', { role: 'toolbar', 'aria-label': 'Mask tools' }, t.brush, t.eraser, el('label.size', {}, it.size), el('hr'), t.undo, t.redo, el('hr'),
    t.invert, t.clear, t.open, el('hr'), t.out, t.fit, t.into, loader(it));
  it.root = el('div.mask', { hidden: true }, it.desk, bar);
}

function tools(it) {
  const pick = (name) => { it.tool = name; for (const each of ['brush', 'eraser']) it.tools[each].setAttribute('aria-pressed', each === name); };
  const step = (from, to) => () => { finish(it); if (it[from].length) { it[to].push(it[from].pop()); replay(it); } };
  return {
    brush: iconButton('brush', 'Brush (B)', () => pick('brush'), { 'aria-pressed': 'true' }),
    eraser: iconButton('eraser', 'Eraser (E)', () => pick('eraser'), { 'aria-pressed': 'false' }),
    undo: iconButton('undo', 'Undo (Ctrl+Z)', step('strokes', 'undone'), { disabled: true }),
    redo: iconButton('redo', 'Redo (Ctrl+Shift+Z)', step('undone', 'strokes'), { disabled: true }),
    invert: iconButton('invert', 'Invert mask (X)', () => push(it, { kind: 'invert' })),
    clear: iconButton('clear', 'Clear mask', () => push(it, { kind: 'clear' })),
    open: iconButton('open', 'Load a mask', () => $('input[type=file]', it.root).click()),
    out: iconButton('minus', 'Zoom out (-)', () => look(it, it.zoom / 1.25)),
    fit: el('button.tool.zoom', { type: 'button', title: 'Fit (0)', onclick: () => look(it, 1) }, '100%'),
    into: iconButton('plus', 'Zoom in (+)', () => look(it, it.zoom * 1.25)),
  };
}

function loader(it) {
  const file = el('input', { type: 'file', accept: 'image/*', hidden: true, 'aria-label': 'Mask file' });
  file.onchange = () => {
    if (file.files[0]) load(it, file.files[0]);
    file.value = '';
  };
  return file;
}

async function load(it, file) {
  const picture = it.last;
  try {
    const image = await createImageBitmap(await page.readMask(file));
    if (picture === it.last) push(it, { kind: 'image', image });  // else it was for another picture
  } catch (problem) {
    complain(problem);
  }
}

// ---------------------------------------------------------------------------------------------------------- painting
const push = (it, act) => { finish(it); it.strokes.push(act); it.undone = []; apply(it, act); changed(it); clearErrors(); };

/** A key or a button in the midst of a stroke ends the stroke: what is seen is what the list says. */
function finish(it) {
  if (it.stroke?.points) it.strokes.push(it.stroke);
  it.stroke = null;
}

function replay(it) {
  clear(it);
  it.strokes.forEach((act) => apply(it, act));
  changed(it);
}

function clear({ ink, above }) {
  ink.globalCompositeOperation = 'source-over';
  ink.clearRect(0, 0, above.width, above.height);
}

function apply(it, act) {
  const { ink, above } = it;
  if (act.kind === 'clear') return clear(it);
  if (act.kind === 'image') return paintPicture(it, act.image);
  if (act.kind === 'invert') {
    ink.globalCompositeOperation = 'xor';
    ink.fillStyle = INK;
    return ink.fillRect(0, 0, above.width, above.height);
  }
  ink.globalCompositeOperation = act.kind === 'eraser' ? 'destination-out' : 'source-over';
  Object.assign(ink, { lineCap: 'round', lineJoin: 'round', lineWidth: act.size, strokeStyle: INK });
  ink.beginPath();
  ink.moveTo(...act.points[0]);
  for (const point of act.points) ink.lineTo(...point);
  ink.stroke();
}

/** A loaded mask, as the server reads it: brightness becomes coverage, greys included (soft inpainting uses them). */
function paintPicture(it, image) {
  const { width, height } = it.above;
  const sheet = el('canvas', { width, height });
  const pen = sheet.getContext('2d');
  pen.drawImage(image, 0, 0, width, height);
  const pixels = pen.getImageData(0, 0, width, height);
  for (let i = 0; i < pixels.data.length; i += 4) {
    const light = (pixels.data[i] + pixels.data[i + 1] + pixels.data[i + 2]) / 3;
    pixels.data[i + 3] = (light * pixels.data[i + 3]) / 255;
    pixels.data.set(RGB, i);
  }
  pen.putImageData(pixels, 0, 0);
  clear(it);
  it.ink.drawImage(sheet, 0, 0);
}

function changed(it) {
  it.tools.undo.disabled = !it.strokes.length;
  it.tools.redo.disabled = !it.undone.length;
  it.sent = null;
}

/** The mask as an uploaded picture's id; null when nothing is painted. */
async function uploaded(it) {
  if (!it.strokes.length || !covered(it)) return null;
  const sent = it.sent ??= blackAndWhite(it).then(images.upload).then((image) => image.id);  // kept before it is there: a stroke made meanwhile clears it
  try {
    return await sent;
  } catch (problem) {
    if (it.sent === sent) it.sent = null;
    throw problem;
  }
}

const covered = ({ ink, above }) => ink.getImageData(0, 0, above.width, above.height).data.some((value, i) => i % 4 === 3 && value > 0);

function blackAndWhite({ above }) {
  const out = el('canvas', { width: above.width, height: above.height });
  const pen = out.getContext('2d');
  pen.drawImage(above, 0, 0);
  for (const [how, colour] of [['source-in', '#fff'], ['destination-over', '#000']]) {
    pen.globalCompositeOperation = how;
    pen.fillStyle = colour;
    pen.fillRect(0, 0, out.width, out.height);
  }
  return new Promise((done) => out.toBlob(done, 'image/png'));
}

// ---------------------------------------------------------------------------------------------------------- looking
function look(it, zoom, shift = it.shift) {
  it.zoom = Math.min(MAX_ZOOM, Math.max(1, zoom));
  it.shift = it.zoom === 1 ? [0, 0] : shift;
  it.sheet.style.transform = `translate(${it.shift[0]}px, ${it.shift[1]}px) scale(${it.zoom})`;
  it.tools.fit.textContent = `${Math.round(it.zoom * 100)}%`;
}

function wheel(it, event) {
  event.preventDefault();
  if (event.ctrlKey || event.metaKey) return look(it, it.zoom * (event.deltaY < 0 ? 1.15 : 0.87));
  it.size.value = +it.size.value - Math.sign(event.deltaY) * 4;
  it.size.oninput();
  moveRing(it, event);
}

function moveRing({ desk, above, ring, size }, event) {
  const box = desk.getBoundingClientRect();
  const scale = above.getBoundingClientRect().width / above.width;
  const side = `${size.value * scale}px`;
  Object.assign(ring.style, { left: `${event.clientX - box.left}px`, top: `${event.clientY - box.top}px`, inlineSize: side, blockSize: side });
}

function openPicture(it) {
  const { image, width, height } = state.source;
  if (!image || image === it.last) return;
  it.last = image;
  Object.assign(it, { strokes: [], undone: [], stroke: null });
  look(it, 1);
  for (const canvas of [it.below, it.above]) Object.assign(canvas, { width, height });
  it.sheet.style.aspectRatio = `${width} / ${height}`;
  it.sheet.style.setProperty('--w', width);
  it.sheet.style.setProperty('--h', height);
  changed(it);
  showPicture(it);
}

/** The picture itself, when it has come and is still the one to paint on. */
function showPicture(it) {
  const { last: image } = it, { width, height } = it.below;
  const picture = new Image();
  it.missing = false;
  picture.onload = () => {
    if (image !== it.last) return;
    it.below.getContext('2d').drawImage(picture, 0, 0, width, height);
    draw();
  };
  picture.onerror = () => {
    if (image !== it.last) return;
    it.missing = true;
    complain(new Error('The picture to paint on did not arrive.'));
  };
  picture.src = images.asRead(image);
}

// ---------------------------------------------------------------------------------------------------------- hands
function wirePointer(it) {
  it.above.onpointerdown = (event) => down(it, event);
  it.above.onpointermove = (event) => move(it, event);
  it.above.onpointerup = it.above.onpointercancel = (event) => up(it, event);
}

function place({ above }, event) {
  const box = above.getBoundingClientRect();
  return [((event.clientX - box.left) / box.width) * above.width, ((event.clientY - box.top) / box.height) * above.height];
}

function down(it, event) {
  try { it.above.setPointerCapture(event.pointerId); } catch { /* a made-up pointer (tests) cannot be captured */ }
  if (event.pointerType === 'touch') it.fingers.set(event.pointerId, [event.clientX, event.clientY]);
  if (it.fingers.size === 2) return startPinch(it);
  if (event.button === 1 || event.shiftKey) { it.stroke = { pan: [event.clientX - it.shift[0], event.clientY - it.shift[1]] }; return; }
  if (event.button) return;
  const erases = event.pointerType === 'pen' && event.buttons === 32;
  const point = place(it, event);
  it.stroke = { kind: erases ? 'eraser' : it.tool, size: +it.size.value, points: [point, point] };
  apply(it, it.stroke);
}

/** A second finger: what the first one painted is taken back, and both zoom. */
function startPinch(it) {
  it.stroke = { pinch: spread(it), zoom: it.zoom, middle: middle(it), shift: it.shift };
  replay(it);
}

const spread = ({ fingers }) => { const [a, b] = [...fingers.values()]; return Math.hypot(a[0] - b[0], a[1] - b[1]); };
const middle = ({ fingers }) => { const [a, b] = [...fingers.values()]; return [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]; };

function move(it, event) {
  moveRing(it, event);
  if (it.fingers.has(event.pointerId)) it.fingers.set(event.pointerId, [event.clientX, event.clientY]);
  const { stroke } = it;
  if (!stroke) return;
  if (stroke.pinch) {
    if (it.fingers.size < 2) return;
    const now = middle(it);
    return look(it, (stroke.zoom * spread(it)) / stroke.pinch, [stroke.shift[0] + now[0] - stroke.middle[0], stroke.shift[1] + now[1] - stroke.middle[1]]);
  }
  if (stroke.pan) return look(it, it.zoom, [event.clientX - stroke.pan[0], event.clientY - stroke.pan[1]]);
  const points = event.getCoalescedEvents?.() ?? [];
  for (const each of points.length ? points : [event]) {
    const point = place(it, each);
    apply(it, { ...stroke, points: [stroke.points.at(-1), point] });
    stroke.points.push(point);
  }
}

function up(it, event) {
  it.fingers.delete(event.pointerId);
  if (it.stroke?.points) { finish(it); it.undone = []; changed(it); clearErrors(); }
  if (!it.fingers.size) it.stroke = null;
}

const KEYS = { b: 'brush', e: 'eraser', x: 'invert', '+': 'into', '=': 'into', '-': 'out', 0: 'fit' };

function key(it, event) {
  if (it.root.hidden || document.body.dataset.tab !== 'studio') return false;
  const name = event.key.toLowerCase();
  if ((event.ctrlKey || event.metaKey) && name === 'z') return it.tools[event.shiftKey ? 'redo' : 'undo'].click(), true;
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if ('[]'.includes(name)) {
    it.size.value = +it.size.value + (name === ']' ? 6 : -6);
    it.size.oninput();
    return true;
  }
  if (!(name in KEYS)) return false;
  it.tools[KEYS[name]].click();
  return true;
}
