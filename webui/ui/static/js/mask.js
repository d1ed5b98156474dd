// @ts-check
// The canvas of inpaint: the picture with its new sides, the mask and the colours painted on it. What is done is a list, see mask-strokes.js. The server gets a black and white PNG of the picture's size, and the picture with its colours, uploaded when Generate needs them.

import { images, page } from './api.js';
import { makeEdges } from './canvas-edges.js';
import { anySide, FINE, mostOf, NO_SIDES, pulledTo, sameSides, SIDES, sidesIn, strideOf, valuesOf } from './canvas-region.js';
import { wireHands } from './canvas-hands.js';
import { makeStack } from './canvas-stack.js';
import { drawGround, drawSent, frameOf, keepOpposite, layOut, percent, placeOf, reachOf } from './canvas-view.js';
import { $, el, iconButton } from './dom.js';
import { changeSource, clearErrors, fill, form } from './form.js';
import { sizeLike } from './form-values.js';
import { t } from './language.js';
import { drawLook, fineness, LOOKS } from './mask-look.js';
import { aroundColours, blackAndWhite, boxOfMask, paint, wipeAll, withColours } from './mask-paint.js';
import { Accepted, hasColour, hasGreys, Strokes } from './mask-strokes.js';
import { store, stored } from './storage.js';
import { state } from './state.js';
import { complain, toast } from './toast.js';
import { FITTED, zoomed } from './zoom-place.js';

const TOOLS = ['brush', 'colour', 'eraser', 'hand', 'layer'];
const STEP = 1.25;     // a press of + or −
const OF_PICTURE = ['width', 'height', 'outpaint.enabled', ...SIDES.map((side) => `outpaint.${side}`)];

export function makeMask() {
  /** @type {any} `hold`: what the pointer does instead of painting */
  const it = { tool: 'brush', strokes: new Strokes(), accepted: new Accepted(), hold: null, place: { ...FITTED }, scale: 1, sides: { ...NO_SIDES }, last: '', sent: null, tinted: null, box: null, tints: new Map(), fingers: new Map() };
  it.stack = makeStack(it, { act: (act) => push(it, act), look: () => look(it) });
  build(it);
  wireHands(it, { look: () => look(it), show: () => show(it), back: () => back(it), replay: () => replay(it), painted: () => { changed(it, true); clearErrors(); heedGreys(it); }, stack: it.stack });
  addEventListener('keyup', ({ key: name }) => { if (name === ' ') it.space = false; if (name.toLowerCase() === 'o') it.root.classList.remove('bare'); });
  new ResizeObserver(() => look(it)).observe(it.desk);
  const open = () => { openPicture(it); heedMode(it); heedForm(it); };
  return {
    root: it.root, draw: open, back: () => { if (it.missing && it.last) it.stack.compose(); }, sourceChanged: () => sourceChanged(it), key: (event) => key(it, event),
    sources: () => sources(it), accept: (image) => accept(it, image), isTint: (id) => it.tints.get(id) === it.last, sides: () => it.sides,
    touched: () => anySide(it.sides) || hasColour(it.strokes.done) || it.stack.mixed(),
  };
}

// ---------------------------------------------------------------------------------------------------------- the parts
function build(it) {
  it.below = el('canvas');
  it.colour = el('canvas.tint', { 'aria-hidden': 'true' });
  it.seen = el('canvas.mask-look', { 'aria-hidden': 'true' });
  it.above = el('canvas.paint', { tabindex: 0, role: 'img', 'aria-label': t('Mask: paint over the part to change') });
  it.sheets = { mask: it.above, colour: it.colour };
  it.leaf = el('div.leaf', {}, it.below, it.colour, it.seen, it.above);
  it.ground = el('canvas.ground', { 'aria-hidden': 'true' });
  it.frame = el('div.sent-frame', { hidden: true }, el('span'));
  it.edges = makeEdges(pulls(it));
  it.sheet = el('div.sheet', {}, it.leaf, it.ground, it.frame, ...it.edges.edges);
  it.ring = el('i.ring');
  it.desk = el('div.desk', { 'data-tool': it.tool }, it.sheet, it.ring);
  it.size = el('input', { type: 'range', min: 2, max: 200, value: stored('brush', 48), 'aria-label': t('Brush size'), title: t('Brush size ([ and ], or Shift and the wheel)'), oninput: () => store('brush', +it.size.value) });
  it.soft = el('input', { type: 'range', min: 0, max: 100, step: 5, value: stored('brush-soft', 0), 'aria-label': t('Softness'), title: t('Softness of the edge'), oninput: () => store('brush-soft', +it.soft.value) });
  it.ink = el('input', { type: 'color', value: stored('brush-colour', '#d8743c'), 'aria-label': t('Colour of the brush'), title: t('Colour of the brush; Ctrl+click on the picture takes one from there'), onchange: () => store('brush-colour', it.ink.value) });
  it.how = el('select.mask-how.of-mask', { 'aria-label': t('Mask look'), title: t('How the mask looks; a look only'), onchange: () => { store('mask-look', it.how.value); show(it); } }, LOOKS.map(([value, label]) => el('option', { value }, label)));
  it.how.value = stored('mask-look', 'hatch');
  it.tools = tools(it);
  const all = it.tools;
  it.stack.panel.offer(all.layer);
  const bar = el('div.mask-tools', { role: 'toolbar', 'aria-label': t('Mask tools') }, all.brush, all.colour, it.ink, all.eraser, all.hand, el('label.size', {}, it.size), el('label.size.soft', {}, el('span', {}, t('Soft')), it.soft), el('hr'), all.undo, all.redo, el('hr'),
    all.invert, all.clear, all.open, el('hr'), all.out, all.fit, all.into, all.layers, it.how, loader(it));
  it.root = el('div.mask', { hidden: true }, el('div.desk-row', {}, it.desk, it.stack.panel.node), bar);
}

function tools(it) {
  const pick = (name) => () => { it.tool = it.desk.dataset.tool = name; for (const each of TOOLS) it.tools[each].setAttribute('aria-pressed', each === name); };
  const zoom = (scale) => () => { it.place = scale ? zoomed(it.place, it.scale * scale, frameOf(it), placeOf(it).size) : { ...FITTED }; look(it); };
  return {
    brush: iconButton('brush', t('Brush (B)'), pick('brush'), { 'aria-pressed': 'true', class: 'tool of-mask' }),
    colour: iconButton('drop', t('Colour (K): a sketch of what should be there'), pick('colour'), { 'aria-pressed': 'false' }),
    eraser: iconButton('eraser', t('Eraser (E)'), pick('eraser'), { 'aria-pressed': 'false' }),
    hand: iconButton('hand', t('Move (H, or Space and drag)'), pick('hand'), { 'aria-pressed': 'false' }),
    layer: iconButton('move', t('Move the layer (L)'), () => { if (it.stack.panel.node.hidden) it.tools.layers.click(); pick('layer')(); }, { 'aria-pressed': 'false' }),
    layers: iconButton('layers', t('Layers'), () => { it.tools.layers.ariaExpanded = String(it.stack.panel.toggle()); }, { 'aria-expanded': 'false' }),
    undo: iconButton('undo', t('Undo (Ctrl+Z)'), () => back(it), { disabled: true }),
    redo: iconButton('redo', t('Redo (Ctrl+Shift+Z)'), () => forth(it), { disabled: true }),
    invert: iconButton('invert', t('Invert mask (V)'), () => push(it, { kind: 'invert' }), { class: 'tool of-mask' }),
    clear: iconButton('clear', t('Clear mask and colour'), () => push(it, { kind: 'clear' })),
    open: iconButton('open', t('Load a mask'), () => $('.mask-tools input[type=file]', it.root).click(), { class: 'tool of-mask' }),
    out: iconButton('minus', t('Zoom out (-)'), zoom(1 / STEP)),
    fit: el('button.tool.zoom', { type: 'button', title: t('Fit (0)'), onclick: zoom(0) }, '100 %'),
    into: iconButton('plus', t('Zoom in (+)'), zoom(STEP)),
  };
}

function loader(it) {
  const file = el('input', { type: 'file', accept: 'image/*', hidden: true, 'aria-label': t('Mask file') });
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

// ---------------------------------------------------------------------------------------------------------- what is done
function push(it, act) {
  it.hold = null;
  it.strokes.push(act);
  paint(it.sheets, act);
  changed(it, true);
  clearErrors();
}

function replay(it) {
  wipeAll(it.sheets);
  it.strokes.done.forEach((act) => paint(it.sheets, act));
  changed(it);
}

function back(it) {
  it.hold = null;
  const act = it.strokes.undo();
  if (act?.kind === 'sides') setSides(it, act.from);
  if (act?.kind === 'layers') it.stack.show(act.from);
  if (act) replay(it);
  else turn(it, it.accepted.back(asItIs(it)));
}

function forth(it) {
  it.hold = null;
  const act = it.strokes.redo();
  if (act?.kind === 'sides') setSides(it, act.to);
  if (act?.kind === 'layers') it.stack.show(act.to);
  if (act) replay(it);
  else turn(it, it.accepted.forth(asItIs(it)));
}

/** Something on the canvas is other than it was; `anew`: by an act of its own, so that what was undone is out of reach. */
function changed(it, anew = false) {
  if (anew) it.accepted.settle();
  it.tools.undo.disabled = !it.strokes.done.length && !it.accepted.before.length;
  it.tools.redo.disabled = !it.strokes.undone.length && !it.accepted.after.length;
  it.sent = it.tinted = null;
  it.box = undefined;
  show(it);
}

/** The mask's look and the frame of what is sent, once a frame. */
function show(it) {
  it.planned ||= requestAnimationFrame(() => {
    it.planned = 0;
    drawLook(it.seen, it.above, it.how.value);
    drawSent(it);
  });
}

/** Greys mean something only to soft inpainting. */
function heedGreys(it) {
  if (form.values['soft_inpaint.enabled'] || state.mode !== 'inpaint' || !hasGreys(it.strokes.done)) return;
  fill({ 'soft_inpaint.enabled': true });
  toast(t('Soft inpainting is on: the greys of a soft brush count'), { action: { label: t('Undo'), run: () => fill({ 'soft_inpaint.enabled': false }) } });
}

// ---------------------------------------------------------------------------------------------------------- what is sent
/** The ids of what was painted: `mask` in inpaint, and `init` where colours make another picture to start from. */
function sources(it) {
  return Promise.all([state.mode === 'inpaint' ? uploaded(it) : null, tinted(it)]).then(([mask, init]) => ({ mask, ...(init && { init }) }));
}

/** The mask as an uploaded picture's id; null when nothing is painted. */
function uploaded(it) {
  if (!it.strokes.done.length || !boxOfMask(it.above)) return null;
  const reach = reachOf(it);
  if (it.sentReach !== reach) it.sent = null;
  it.sentReach = reach;
  return it.sent ??= kept(it, 'sent', blackAndWhite(reach ? aroundColours(it.sheets, reach) : it.above));  // kept before it is there: a stroke made meanwhile clears it
}

/** The picture with its layers and the colours painted on it; null when it is the start picture alone. */
function tinted(it) {
  if (!it.stack.mixed() && (!hasColour(it.strokes.done) || !boxOfMask(it.colour))) return null;
  if (it.shown !== it.last || !it.stack.drawn()) return Promise.reject(new Error(t('The picture to paint on has not arrived yet. Try again in a moment.')));
  const of = it.last, under = state.mode === 'inpaint' ? (form.values.invert_mask ? 'inverted' : 'mask') : 'all';
  if (it.tintedFor !== under) it.tinted = null;
  it.tintedFor = under;
  return it.tinted ??= kept(it, 'tinted', withColours(it.below, it.sheets, under)).then((id) => { it.tints.set(id, of); return id; });
}

/** Upload a file that is being made; what fails is tried again next time. */
function kept(it, name, file) {
  const sent = file.then(images.upload).then((image) => image.id);
  sent.catch(() => { it[name] = null; });
  return sent;
}

// ---------------------------------------------------------------------------------------------------------- sides
/** img2img has no mask: one sketches there, and goes on with the brush in inpaint. */
function heedMode(it) {
  const sketches = state.mode === 'img2img';
  if (sketches && it.tool === 'brush') { it.tools.colour.click(); it.sketching = true; }
  if (!sketches && state.mode === 'inpaint' && it.sketching) { it.sketching = false; it.tools.brush.click(); }
}

/** What the form says of new sides is what is seen, as soon as it has taken in what was done here. */
function heedForm(it) {
  const told = sidesIn(form.values);
  if (it.pulling || (it.wish && sameSides(told, it.wish))) return drawSent(it);
  it.wish = null;
  it.sides = told;
  look(it);
}

function setSides(it, sides) {
  const told = sidesIn(form.values);
  it.sides = sides;
  it.wish = sameSides(told, sides) ? null : told;  // what the form says until it has heard
  fill(valuesOf(sides));
  clearErrors();
  look(it);
}

function step(it, side, by) {
  const to = by === null ? 0 : it.sides[side] + by;
  settleSides(it, it.sides, { ...it.sides, [side]: pulledTo(to, FINE, mostOf(it.below, it.sides, side)) });
}

function settleSides(it, from, to) {
  if (sameSides(from, to)) return look(it);
  it.strokes.push({ kind: 'sides', from, to });
  setSides(it, to);
  changed(it, true);
}

/** An edge in hand: the view stays as it is, so that the edge is where the hand is, and fits again when it is let go. */
function pulls(it) {
  return {
    pixels: () => 1 / it.scale,
    stride: () => strideOf(it.below),
    step: (side, by) => step(it, side, by),
    begin: (side) => {
      it.pulling = { from: it.sides, fitted: !it.place.scale };
      it.place = { ...it.place, scale: it.scale };
      return it.sides[side];
    },
    pull: (side, to, stride) => {
      const { size } = placeOf(it);
      it.sides = { ...it.sides, [side]: pulledTo(to, stride, mostOf(it.below, it.pulling.from, side)) };
      keepOpposite(it, side, size);
      look(it);
    },
    end: () => {
      const { from, fitted } = it.pulling, to = it.sides;
      it.pulling = null;
      if (fitted) it.place = { ...FITTED };
      settleSides(it, from, to);
    },
  };
}

// ---------------------------------------------------------------------------------------------------------- one picture after another
/** A result becomes the picture to start from; undo leads back to this one and what was done on it. */
function accept(it, image) {
  it.accepted.accept(asItIs(it));
  const { layers, sides } = it, { width, height } = it.below;
  state.view = 'mask';
  change(it, () => changeSource({ image: image.id, width: image.width, height: image.height }));
  it.stack.accept(layers, image, { width, height }, sides);
  fill(sizeLike(image));
  setSides(it, { ...NO_SIDES });
  changed(it);
  toast(t('Result accepted: the next one starts from it'), { action: { label: t('Undo'), run: () => { if (it.last === image.id) { while (it.strokes.done.length) back(it); back(it); } } } });
}

const asItIs = (it) => ({ source: state.source, layers: it.layers, kept: it.strokes.keep(), values: { ...Object.fromEntries(OF_PICTURE.map((name) => [name, form.values[name]])), ...valuesOf(it.sides) } });

function turn(it, to) {
  if (!to) return;
  change(it, () => changeSource(to.source));
  it.strokes.take(to.kept);
  it.stack.show(to.layers);
  setSides(it, sidesIn(to.values));
  fill(to.values);
  replay(it);
}

/** Change the source from here, where what was accepted before is kept. */
function change(it, act) {
  it.turning = true;
  act();
  it.turning = false;
}

function sourceChanged(it) {
  if (!it.turning) {
    it.accepted.reset();
    if (state.source.image !== it.last && it.strokes.done.some(({ kind }) => kind === 'sides')) setSides(it, { ...NO_SIDES });  // they were of that picture
  }
  it.last = '';
  openPicture(it);
}

function openPicture(it) {
  const { image, width, height } = state.source;
  if (!image || image === it.last) return;
  it.last = image;
  it.strokes.reset();
  it.hold = it.pulling = null;
  it.place = { ...FITTED };
  for (const canvas of [it.below, it.colour, it.above]) Object.assign(canvas, { width, height });
  const fine = fineness(width ?? 1);
  Object.assign(it.seen, { width: (width ?? 1) * fine, height: (height ?? 1) * fine });
  changed(it);
  look(it);
  it.stack.open(!it.turning);
}

/** Everything is put where it is looked at. */
function look(it) {
  layOut(it);
  it.edges.say(it.sides);
  it.tools.fit.textContent = percent(it);
  drawGround(it, String(form.values['outpaint.fill'] ?? 'edge'));
  drawSent(it);
}

// ---------------------------------------------------------------------------------------------------------- keys
const KEYS = { b: 'brush', k: 'colour', e: 'eraser', h: 'hand', l: 'layer', v: 'invert', x: 'invert', '+': 'into', '=': 'into', '-': 'out', 0: 'fit' };

const ARROWS = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] };
const COARSE = 16;   // pixels

function nudge(it, [across, down], by) {
  const part = it.stack.part();
  if (part) it.stack.drag(part, (across * by) / it.below.width, (down * by) / it.below.height, true);
}

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
  if (it.tool === 'layer' && event.target === it.above && name in ARROWS) return nudge(it, ARROWS[name], event.shiftKey ? COARSE : 1), true;
  if (name === 'o') return it.root.classList.add('bare'), true;
  if (name === ' ' && (event.target === document.body || event.target === it.above)) return it.space = true;
  if (!(name in KEYS) || it.tools[KEYS[name]].classList.contains('of-mask') && state.mode !== 'inpaint') return false;
  it.tools[KEYS[name]].click();
  return true;
}
