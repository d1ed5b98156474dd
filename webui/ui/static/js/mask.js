// @ts-check
// The mask: two stacked canvases on the stage, the picture below, the paint above. What is painted is a list, see mask-strokes.js. The server gets a black and white PNG of the picture's size, uploaded when Generate needs it.

import { images, page } from './api.js';
import { $, el, iconButton } from './dom.js';
import { clearErrors, fill, form } from './form.js';
import { drawLook, fineness, LOOKS } from './mask-look.js';
import { bounded, edgeOf, hasGreys, pinch, Strokes } from './mask-strokes.js';
import { store, stored } from './storage.js';
import { draw, state } from './state.js';
import { complain, toast } from './toast.js';

const INK = '#ffaa3c';  // amber on the screen, white for the server
const RGB = [255, 170, 60];

export function makeMask() {
  /** @type {any} `hold`: what the pointer does instead of painting */
  const it = { tool: 'brush', strokes: new Strokes(), hold: null, zoom: 1, shift: [0, 0], last: '', sent: null, fingers: new Map() };
  build(it);
  wirePointer(it);
  it.desk.addEventListener('wheel', (event) => wheel(it, event), { passive: false });
  const open = () => openPicture(it);
  const back = () => { if (it.missing && it.last) showPicture(it); };
  return { root: it.root, draw: open, back, sourceChanged: () => { it.last = ''; open(); }, key: (event) => key(it, event), id: () => uploaded(it) };
}

// ---------------------------------------------------------------------------------------------------------- the parts
function build(it) {
  it.below = el('canvas');
  it.above = el('canvas.paint', { tabindex: 0, role: 'img', 'aria-label': 'Mask: paint over the part to change' });
  it.ring = el('i.ring');
  it.seen = el('canvas.mask-look', { 'aria-hidden': 'true' });
  it.sheet = el('div.sheet', {}, it.below, it.seen, it.above);
  it.desk = el('div.desk', {}, it.sheet, it.ring);
  it.ink = it.above.getContext('2d');
  it.size = el('input', { type: 'range', min: 2, max: 200, value: stored('brush', 48), 'aria-label': 'Brush size', title: 'Brush size ([ and ])', oninput: () => store('brush', +it.size.value) });
  it.soft = el('input', { type: 'range', min: 0, max: 100, step: 5, value: stored('brush-soft', 0), 'aria-label': 'Softness', title: 'Softness of the edge', oninput: () => store('brush-soft', +it.soft.value) });
  it.how = el('select.mask-how', { 'aria-label': 'Mask look', title: 'How the mask looks; a look only', onchange: () => { store('mask-look', it.how.value); show(it); } }, LOOKS.map(([value, label]) => el('option', { value }, label)));
  it.how.value = stored('mask-look', 'hatch');
  it.tools = tools(it);
  const t = it.tools;
  const bar = el('div.mask-tools', { role: 'toolbar', 'aria-label': 'Mask tools' }, t.brush, t.eraser, el('label.size', {}, it.size), el('label.size.soft', {}, el('span', {}, 'Soft'), it.soft), el('hr'), t.undo, t.redo, el('hr'),
    t.invert, t.clear, t.open, el('hr'), t.out, t.fit, t.into, it.how, loader(it));
  it.root = el('div.mask', { hidden: true }, it.desk, bar);
}

function tools(it) {
  const pick = (name) => { it.tool = name; for (const each of ['brush', 'eraser']) it.tools[each].setAttribute('aria-pressed', each === name); };
  const step = (moved) => { it.hold = null; if (moved()) replay(it); };
  return {
    brush: iconButton('brush', 'Brush (B)', () => pick('brush'), { 'aria-pressed': 'true' }),
    eraser: iconButton('eraser', 'Eraser (E)', () => pick('eraser'), { 'aria-pressed': 'false' }),
    undo: iconButton('undo', 'Undo (Ctrl+Z)', () => step(() => it.strokes.undo()), { disabled: true }),
    redo: iconButton('redo', 'Redo (Ctrl+Shift+Z)', () => step(() => it.strokes.redo()), { disabled: true }),
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
function push(it, act) {
  it.hold = null;
  it.strokes.push(act);
  apply(it, act);
  changed(it);
  clearErrors();
}

function replay(it) {
  clear(it);
  it.strokes.done.forEach((act) => apply(it, act));
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
  const { width, blur } = edgeOf(act);
  const away = blur ? 2 * above.width + width : 0;  // a soft stroke is the shadow of a hard one that lies outside
  ink.save();
  ink.globalCompositeOperation = act.kind === 'eraser' ? 'destination-out' : 'source-over';
  Object.assign(ink, { lineCap: 'round', lineJoin: 'round', lineWidth: width, strokeStyle: INK });
  if (blur) Object.assign(ink, { shadowColor: INK, shadowBlur: blur, shadowOffsetX: away });
  ink.beginPath();
  ink.moveTo(act.points[0][0] - away, act.points[0][1]);
  for (const [x, y] of act.points) ink.lineTo(x - away, y);
  ink.stroke();
  ink.restore();
}

/** A soft stroke cannot be put together of pieces: the whole of it is drawn over what was there before. */
function applySoft(it) {
  clear(it);
  it.ink.drawImage(it.before, 0, 0);
  apply(it, it.strokes.current);
}

/** The mask's look, once a frame. */
function show(it) {
  it.frame ||= requestAnimationFrame(() => {
    it.frame = 0;
    drawLook(it.seen, it.above, it.how.value);
  });
}

/** Greys mean something only to soft inpainting. */
function heedGreys(it) {
  if (form.values['soft_inpaint.enabled'] || !hasGreys(it.strokes.done)) return;
  fill({ 'soft_inpaint.enabled': true });
  toast('Soft inpainting is on: the greys of a soft brush count', { action: { label: 'Undo', run: () => fill({ 'soft_inpaint.enabled': false }) } });
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
  it.tools.undo.disabled = !it.strokes.done.length;
  it.tools.redo.disabled = !it.strokes.undone.length;
  it.sent = null;
  show(it);
}

/** The mask as an uploaded picture's id; null when nothing is painted. */
async function uploaded(it) {
  if (!it.strokes.done.length || !covered(it)) return null;
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
  Object.assign(it, bounded(zoom, shift));
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
  it.strokes.reset();
  it.hold = null;
  look(it, 1);
  for (const canvas of [it.below, it.above]) Object.assign(canvas, { width, height });
  const fine = fineness(width ?? 1);
  Object.assign(it.seen, { width: (width ?? 1) * fine, height: (height ?? 1) * fine });
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
  if (event.button === 1 || event.shiftKey) return hold(it, { pan: [event.clientX - it.shift[0], event.clientY - it.shift[1]] });
  if (event.button) return;
  const erases = event.pointerType === 'pen' && event.buttons === 32;
  it.hold = null;
  const stroke = it.strokes.begin(erases ? 'eraser' : it.tool, +it.size.value, place(it, event), it.soft.value / 100);
  if (stroke.soft) it.before = copyOf(it.above);
  apply(it, stroke);
  show(it);
}

function copyOf(canvas) {
  const copy = el('canvas', { width: canvas.width, height: canvas.height });
  copy.getContext('2d').drawImage(canvas, 0, 0);
  return copy;
}

function hold(it, what) {
  it.strokes.drop();
  it.hold = what;
}

/** A second finger: what the first one painted is taken back, and both zoom. */
function startPinch(it) {
  const [a, b] = it.fingers.values();
  hold(it, { pinch: pinch({ zoom: it.zoom, shift: it.shift }, a, b) });
  replay(it);
}

function move(it, event) {
  moveRing(it, event);
  if (it.fingers.has(event.pointerId)) it.fingers.set(event.pointerId, [event.clientX, event.clientY]);
  if (it.hold?.pinch) {
    if (it.fingers.size < 2) return;
    const { zoom, shift } = it.hold.pinch(...it.fingers.values());
    return look(it, zoom, shift);
  }
  if (it.hold?.pan) return look(it, it.zoom, [event.clientX - it.hold.pan[0], event.clientY - it.hold.pan[1]]);
  if (!it.strokes.current) return;
  const points = event.getCoalescedEvents?.() ?? [];
  const soft = it.strokes.current.soft > 0;
  for (const each of points.length ? points : [event]) {
    const piece = it.strokes.extend(place(it, each));
    if (!soft) apply(it, piece);
  }
  if (soft) applySoft(it);
  show(it);
}

function up(it, event) {
  it.fingers.delete(event.pointerId);
  if (it.strokes.lift()) { changed(it); clearErrors(); heedGreys(it); }
  if (!it.fingers.size) it.hold = null;
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
