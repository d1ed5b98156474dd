// @ts-check
/** @import { PageImage } from './page-types.d.ts' */
/** @import { Difference } from './differences.js' */
// Two to four pictures with one zoom: beside each other, wiped, in turn, or their difference; and what differs in how they were made.

import { compareAddress, here, leaveFor, visit } from './address.js';
import { images } from './api.js';
import { differences, markedWords, psnr, psnrWords, sizeWords } from './differences.js';
import { $, $$, announce, el, icon, iconButton, openDialog } from './dom.js';
import { form, takeValues, valuesOf } from './form.js';
import { unsaid } from './form-values.js';
import { count, promptOf } from './format.js';
import { t } from './language.js';
import { fullScreen, lookBar, room } from './look-bar.js';
import { choosePicture } from './picture-chooser.js';
import { parts } from './state.js';
import { complain } from './toast.js';
import { Zoom, zoomTools } from './zoom.js';

/** @type {Array<[string, string, string]>} */
const MODES = [['two', t('Side by side'), t('Both')], ['wipe', t('Wipe'), t('Wipe')], ['blink', t('Blink'), t('Blink')], ['difference', t('Difference'), t('Diff')]];
const LETTERS = 'ABCD';
const WIPE_STEP = 2;  // per cent

/**
 * @param {readonly PageImage[]} pictures two to four
 */
export function openCompare(pictures) {
  /** @type {any} */
  const it = { pictures: [...pictures], mode: 'two', wipe: 50, exposure: 3, front: 0, turn: 0, apart: '' };
  build(it);
  it.box.onclose = () => {
    it.box.remove();
    delete parts.compare;
    if (here().compare.length) leaveFor(parts.viewer ? location.hash : '#gallery');
  };
  it.box.onkeydown = (event) => { if (key(it, event)) event.preventDefault(); };
  it.box.onkeyup = (event) => { if (event.key === ' ' && it.mode === 'blink') turnTo(it, 0); };
  parts.compare = { close: () => it.box.close(), shows: (ids) => ids.join() === idsOf(it).join() };
  openDialog(it.box);
  visit(compareAddress(idsOf(it)), { instead: here().compare.length > 0 });
  show(it, 'two');
  $('[aria-checked=true]', it.modes).focus();
  tellDifferences(it);
}

const idsOf = (it) => it.pictures.map((image) => image.id);

// ---------------------------------------------------------------------------------------------------------- the parts
function build(it) {
  const mode = (/** @type {[string, string, string]} */ [name, label, short], /** @type {number} */ n) => el('button', { type: 'button', role: 'radio', 'data-mode': name, title: `${label} (${n + 1})`, 'aria-label': label, onclick: () => show(it, name) }, el('span.long', {}, label), el('span.short', { 'aria-hidden': 'true' }, short));
  it.modes = el('div.segments', { role: 'radiogroup', 'aria-label': t('How to compare') }, MODES.map(mode));
  it.range = el('input', { type: 'range', min: 1, max: 10, step: 0.5, value: it.exposure, 'aria-label': t('Exposure of the difference'), oninput: () => { it.exposure = Number(it.range.value); place(it); } });
  it.exposing = el('label.exposure', {}, el('span', {}, t('Exposure')), it.range);
  it.view = el('div.viewer-picture', { role: 'group', 'aria-label': t('Pictures with one zoom: the wheel zooms at the pointer, dragging moves') });
  it.zoom = new Zoom(it.view, { told: () => { it.tools?.say(); place(it); } });
  it.tools = zoomTools(it.zoom);
  it.source = iconButton('picture', t('Add the start picture'), () => addSource(it), { hidden: true });
  it.more = iconButton('plus', t('Add a picture'), () => choosePicture(it.box, idsOf(it), (image) => change(it, [...it.pictures, image])));
  it.table = el('section.differs', { 'aria-label': t('What differs') });
  it.body = el('div.look.compare', {}, lookBar(t('Back'), () => it.box.close(), it.modes, room(), it.exposing, it.tools.node, el('hr'), iconButton('swap', t('Swap (S)'), () => swap(it)), it.source, it.more, fullScreen(() => it.body)), it.view, it.table);
  it.box = el('dialog.viewer', { 'aria-label': t('Compare'), tabindex: -1 }, it.body);
}

/** @param {PageImage} image @param {number} n @param {string} [more] */
function picture(image, n, more = '') {
  const node = el('img', { src: images.file(image.id), alt: `${LETTERS[n]}: ${promptOf(image)}`, class: `zoomed ${more}`, draggable: 'false', 'data-shape': (image.height || 1) / (image.width || 1) });
  node.onerror = () => node.replaceWith(el('p.look-fault', { role: 'alert' }, t('The file of {n} cannot be read.', { n: LETTERS[n] })));
  return node;
}

const letter = (n) => el('span.letter', { 'aria-hidden': 'true' }, LETTERS[n]);

const VIEWS = {
  two: (it) => it.pictures.map((image, n) => el('div.pane', {}, picture(image, n), letter(n), it.pictures.length > 2 && iconButton('close', t('Take {n} out', { n: LETTERS[n] }), () => change(it, it.pictures.filter((each) => each !== image)), { class: 'tool take-out' }))),
  wipe: (it) => [el('div.pane', {}, picture(it.pictures[0], 0), el('div.clip', {}, picture(it.pictures[1], 1)), knob(it))],
  blink: (it) => [el('div.pane', {}, picture(it.pictures[0], 0), picture(it.pictures[1], 1, 'over'), letter(0),
    el('button.action.blink', { type: 'button', title: t('Hold Space, or press here'), onpointerdown: () => turnTo(it, 1), onpointerup: () => turnTo(it, 0), onpointerleave: () => turnTo(it, 0) }, t('Hold for B')))],
  difference: (it) => [el('div.pane', {}, el('div.stack', {}, picture(it.pictures[0], 0), picture(it.pictures[1], 1, 'over')), el('span.letter.apart', { role: 'status' }, it.apart))],
};

function show(it, mode) {
  Object.assign(it, { mode, front: 0 });
  it.body.dataset.mode = mode;
  for (const each of $$('[role=radio]', it.modes)) {
    const on = each.dataset.mode === mode;
    each.setAttribute('aria-checked', String(on));
    each.tabIndex = on ? 0 : -1;
  }
  it.exposing.hidden = mode !== 'difference';
  it.view.style.setProperty('--columns', it.pictures.length === 4 ? 2 : it.pictures.length);
  it.view.replaceChildren(...VIEWS[mode](it));
  const [{ width, height }] = it.pictures;
  it.zoom.take({ width: width || 1, height: height || 1 });
  if (mode === 'difference') tellApart(it);
}

/** What depends on the wipe, the exposure and the turn. */
function place(it) {
  const handle = $('.knob', it.view), stack = $('.stack', it.view);
  if (handle) {
    handle.style.left = `${it.wipe}%`;
    handle.setAttribute('aria-valuenow', String(Math.round(it.wipe)));
    $('.clip', it.view).style.clipPath = `inset(0 0 0 ${it.wipe}%)`;
  }
  if (stack) stack.style.filter = `brightness(${it.exposure})`;
  if (it.mode === 'blink') turnTo(it, it.front);
}

function knob(it) {
  const node = el('div.knob', { role: 'slider', tabindex: 0, 'aria-label': t('Wipe'), 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': it.wipe }, el('span', {}, 'A'), el('span', {}, 'B'), el('b', {}, icon('compare')));
  node.onpointerdown = (event) => {
    node.setPointerCapture(event.pointerId);
    const frame = node.parentNode.getBoundingClientRect();
    node.onpointermove = (moved) => { it.wipe = Math.min(100, Math.max(0, ((moved.clientX - frame.left) / frame.width) * 100)); place(it); };
  };
  node.onpointerup = node.onpointercancel = () => { node.onpointermove = null; };
  return node;
}

function turnTo(it, front) {
  it.front = front;
  const over = $('.over', it.view);
  if (!over || it.mode !== 'blink') return;
  over.style.visibility = front ? 'visible' : 'hidden';
  $('.letter', it.view).textContent = LETTERS[front];
}

const swap = (it) => change(it, [...it.pictures.slice(1), it.pictures[0]]);

/** Compare these instead. More than two are seen beside each other: the other ways are for two. */
function change(it, pictures) {
  const added = pictures.length > it.pictures.length;
  it.pictures = pictures;
  visit(compareAddress(idsOf(it)), { instead: true });
  show(it, added ? 'two' : it.mode);
  return tellDifferences(it);
}

/** The picture that one of them was made from, in front. */
async function addSource(it) {
  try {
    await change(it, [await images.record(sourceId(it)), ...it.pictures]);
  } catch (problem) {
    complain(problem);
  }
}

const sourceId = (it) => it.pictures.length < LETTERS.length && it.pictures.map((image) => image.request?.init).find((id) => id && !idsOf(it).includes(id));

// ---------------------------------------------------------------------------------------------------------- what is told
async function tellDifferences(it) {
  const mine = ++it.turn;
  it.source.hidden = !sourceId(it);
  it.more.hidden = it.pictures.length >= LETTERS.length;
  try {
    const sides = await Promise.all(it.pictures.map(valuesOf));
    if (mine !== it.turn) return;
    const { rows, same } = differences(sides.map((side) => side.values), form.labels, unsaid(form, sides[0].mode), (name) => form.names.includes(name));
    it.table.replaceChildren(tableOf(it, rows, same));
  } catch (problem) {
    if (mine === it.turn) it.table.replaceChildren(el('p.muted', {}, problem.message));
  }
}

/** @param {any} it @param {Difference[]} rows @param {number} same */
function tableOf(it, rows, same) {
  const all = rows.length + same;
  const larger = sizeWords(it.pictures.map(({ width, height }) => ({ width: width ?? 1, height: height ?? 1 })));
  const seeds = rows.length === 1 && rows[0].name === 'seed';
  const title = !rows.length ? t('Nothing differs in how they were made') : seeds ? t('Made the same way, but for the seed') : t('{rows} of {all} differ', { rows: rows.length, all });
  const head = (n) => el('th', { scope: 'col' }, LETTERS[n], rows.length > 1 && rows.some((row) => row.can) && el('button.take', { type: 'button', onclick: () => takeAll(n, rows) }, t('Take all of {n}', { n: LETTERS[n] })));
  return el('table', {}, el('caption', {}, el('b', {}, title), el('span', {}, [rows.length > 0 && t('{settings} the same', { settings: count(same, 'setting') }), larger].filter(Boolean).join(' · '))),
    rows.length > 0 && el('thead', {}, el('tr', {}, el('td', {}), it.pictures.map((_, n) => head(n)))),
    el('tbody', {}, rows.map((row) => el('tr', {}, el('th', { scope: 'row' }, row.label), cells(row)))));
}

/** @param {Difference} row */
function cells(row) {
  const isText = /prompt/.test(row.name);
  const pieces = isText ? markedWords(row.values) : row.values.map((text) => [{ text, differs: false }]);
  return pieces.map((words, n) => el('td', {}, el('span', {}, row.values[n] ? words.map(({ text, differs }) => (differs ? el('mark', {}, text) : text)) : '–'), ' ',
    row.can && el('button.take', { type: 'button', 'aria-label': t('Take {label} of {n}', { label: row.label, n: LETTERS[n] }), title: t('Put it into the form'), onclick: () => takeValues({ [row.name]: row.takes[n] }, t('{label} taken: {brief}', { label: row.label, brief: brief(row.values[n]) })) }, t('Take'))));
}

const brief = (text) => (text.length > 40 ? `${text.slice(0, 39)}…` : text || 'nothing');

/** @param {number} n @param {Difference[]} rows */
function takeAll(n, rows) {
  const can = rows.filter((row) => row.can);
  takeValues(Object.fromEntries(can.map((row) => [row.name, row.takes[n]])), t('{fields} of {n} taken', { fields: count(can.length, 'field'), n: LETTERS[n] }));
}

/** How far A and B are apart: in their pixels, where they have as many. */
async function tellApart(it) {
  const mine = it.turn;
  const [a, b] = await Promise.all(it.pictures.slice(0, 2).map((image) => pixels(image.id).catch(() => null)));
  if (mine !== it.turn || !a || !b) return;
  it.apart = a.width === b.width && a.height === b.height ? psnrWords(psnr(a.data, b.data)) : '';
  const told = $('.apart', it.view);
  if (told) told.textContent = it.apart;
}

/** @param {string} id */
async function pixels(id) {
  const image = el('img', { src: images.file(id) });
  await image.decode();
  const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error(t('This browser draws no pictures.'));
  context.drawImage(image, 0, 0);
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

// ---------------------------------------------------------------------------------------------------------- keys
/** What a key does; false for one that is not ours. */
function key(it, event) {
  const { key: pressed, ctrlKey, metaKey, altKey, repeat, target } = event;
  if (ctrlKey || metaKey || altKey || target === it.range) return false;
  const by = event.shiftKey ? 0 : { ArrowLeft: -1, ArrowRight: 1 }[pressed] ?? 0;
  if (by && target.closest('.knob')) {
    it.wipe = Math.min(100, Math.max(0, it.wipe + by * WIPE_STEP));
    place(it);
  } else if (by && target.closest('[role=radio]')) choose(it, MODES.findIndex(([name]) => name === it.mode) + by);
  else if (/^[1-4]$/.test(pressed)) choose(it, Number(pressed) - 1);
  else if (pressed === ' ' && it.mode === 'blink') repeat || turnTo(it, 1);
  else if (pressed.toLowerCase() === 's') swap(it);
  else if (pressed === '0') it.zoom.fit();
  else if (pressed.toLowerCase() === 'f') $('[data-do=full]', it.box).click();
  else return it.zoom.key(event);
  return true;
}

function choose(it, n) {
  const [name, label] = MODES[(n + MODES.length) % MODES.length];
  show(it, name);
  $('[aria-checked=true]', it.modes).focus();
  announce(label);
}
