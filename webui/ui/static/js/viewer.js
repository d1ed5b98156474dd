// @ts-check
/** @import { PageImage } from './page-types.d.ts' */
// Pictures one by one, as large as the window, with everything they were made with. A native dialog: focus trap and Esc for free.

import { here, leaveFor, pictureAddress, visit } from './address.js';
import { images } from './api.js';
import { openCompare } from './compare.js';
import { markOf } from './contact-sheet.js';
import { $, el, icon, iconButton, openDialog } from './dom.js';
import { makeFilm } from './film.js';
import { promptOf } from './format.js';
import { mark } from './gallery-bars.js';
import { actionsOf, bin } from './image-actions.js';
import { grouped, t } from './language.js';
import { undoLast } from './last-undo.js';
import { fullScreen, lookBar, room, sideSwitch } from './look-bar.js';
import { forgetPicture, prepare, readyPicture } from './ready-pictures.js';
import { parts } from './state.js';
import { viewerSide } from './viewer-side.js';
import { Zoom, zoomTools } from './zoom.js';
import { seenPart } from './zoom-place.js';

const SETTLED = 250;     // ms without another one, after which the address says which picture it is: browsers allow a page few changes
const DOUBLE = 500;      // ms

/**
 * `list()` is what ← and → walk through, as it is now; `near(n)` is told where in it the picture is, so that those around it are read (one without an id was not yet), `closed(image)` with the picture looked at last.
 * The picture has an address, so that Back closes the viewer and Forward opens it again.
 * @param {() => readonly PageImage[]} list
 * @param {PageImage} image
 * @param {{near?: (n: number) => void, closed?: (image: PageImage) => void, total?: () => number}} [options]
 */
export function openViewer(list, image, { near = () => {}, closed = () => {}, total = () => list().length } = {}) {
  /** @type {any} */
  const it = { list, known: list(), image, near, total, timer: 0 };
  build(it);
  it.box.onclose = () => {
    clearTimeout(it.timer);
    it.box.remove();
    delete parts.viewer;
    if (here().picture) leaveFor('#gallery');
    closed(it.image);
  };
  it.box.onkeydown = (event) => { if (key(it, event)) event.preventDefault(); };
  it.box.onkeyup = (event) => { if (event.key === 'o' || event.key === 'O') show(it); };
  ignoreDoubleClick(it.box);
  parts.viewer = {
    draw: () => { fresh(it); steps(it); },
    close: () => it.box.close(),
    look: (other) => { if (other.id !== it.image.id) look(it, other); },
    removed: (gone) => removed(it, gone),
    returned: (back) => { if (it.box.open) look(it, back); },
    remarked: () => remarked(it),
  };
  openDialog(it.box);
  look(it, image);
}

// ---------------------------------------------------------------------------------------------------------- the parts
function build(it) {
  const close = () => it.box.close();
  it.where = el('span.look-where', { 'aria-live': 'polite' });
  it.pane = el('div.pane');
  it.newer = iconButton('left', t('Newer (←)'), () => go(it, -1), { class: 'tool turn previous' });
  it.older = iconButton('right', t('Older (→)'), () => go(it, 1), { class: 'tool turn next' });
  it.map = el('div.look-map', { 'aria-hidden': 'true', hidden: true }, el('img', { alt: '' }), el('i'));
  it.view = el('div.viewer-picture', { role: 'group', 'aria-label': t('Picture: the wheel zooms at the pointer, dragging moves') }, it.pane, it.newer, it.older, it.map);
  const meant = { next: () => go(it, 1), previous: () => go(it, -1), away: close, tap: () => it.body.classList.toggle('bare') };
  it.zoom = new Zoom(it.view, { told: () => { it.tools?.say(); drawMap(it); }, gesture: (name) => meant[name]() });
  it.tools = zoomTools(it.zoom);
  it.side = el('aside.viewer-side', { 'aria-label': t('This picture') });
  it.film = makeFilm((image) => look(it, image));
  it.acts = el('div.look-acts');
  it.info = sideSwitch(() => it.body, () => it.zoom.draw());
  it.body = el('div.look', {}, lookBar(t('Close'), close, it.where, room(), it.tools.node, el('hr'), it.acts, el('hr'), it.info, fullScreen(() => it.body)), it.view, it.side, it.film.node);
  it.box = el('dialog.viewer', { 'aria-label': t('Picture'), tabindex: -1 }, it.body);
}

/** The second half of the double click that opened it: it would fall on what has come under the pointer. */
function ignoreDoubleClick(box) {
  const opened = performance.now();
  const swallow = (event) => { if (event.detail > 1 && event.timeStamp - opened < DOUBLE) event.stopImmediatePropagation(); };
  for (const kind of ['click', 'dblclick']) box.addEventListener(kind, swallow, true);
}

// ---------------------------------------------------------------------------------------------------------- which picture
/** Where the picture is in the list. Pictures come in front meanwhile, and a list that was asked for anew may not reach so far yet. */
function at(it) {
  const now = it.list();
  if (now.some((each) => each.id === it.image.id)) it.known = now;
  return it.known.findIndex((each) => each.id === it.image.id);
}

function next(it, by) {
  const n = at(it);
  const other = n < 0 ? undefined : it.known[n + by];
  return other?.id ? other : undefined;
}

function go(it, by) {
  const other = next(it, by);
  if (other) look(it, other);
}

function look(it, image) {
  const first = !it.side.firstChild;
  it.image = image;
  clearTimeout(it.timer);
  const settle = () => visit(pictureAddress(it.image.id), { instead: Boolean(here().picture) });
  if (first) settle();
  else it.timer = setTimeout(() => { if (it.box.open && here().picture) settle(); }, SETTLED);
  show(it);
  drawSide(it);
  steps(it);
  it.film.settle(!it.side.contains(document.activeElement) && !it.acts.contains(document.activeElement));
  prepare([1, -1, 2].map((by) => next(it, by)));
  it.near(at(it));
  if (image.rating === undefined) remarked(it);
}

/** The file, or what it was made of while O is held. Until it is here its thumbnail stands at its place. */
function show(it, id = it.image.id) {
  const image = readyPicture(id);
  image.alt = id === it.image.id ? promptOf(it.image) : t('The picture that it was made of');
  image.className = 'zoomed';
  const whole = () => ({ width: image.naturalWidth || it.image.width || 1, height: image.naturalHeight || it.image.height || 1 });
  const small = el('img.zoomed.small', { src: images.thumb(id), alt: '' });
  image.onload = () => { small.remove(); if (it.pane.contains(image)) it.zoom.take(whole()); };
  image.onerror = () => { forgetPicture(id); if (it.pane.contains(image)) it.pane.replaceChildren(small, el('p.look-fault', { role: 'alert' }, t('The file of this picture cannot be read.'))); };
  it.pane.replaceChildren(...(image.complete && image.naturalWidth ? [image] : [small, image]));
  $('img', it.map).src = images.thumb(id);
  it.zoom.take(whole());
}

function drawSide(it) {
  const image = it.image;
  const { reuse, inpaint, bin: _, ...rest } = actionsOf(image, () => it.box.close());
  const compare = el('button.action', { type: 'button', title: t('Compare with the next picture (C)'), onclick: () => compareWithNext(it) }, icon('compare'), el('span', {}, t('Compare')));
  it.acts.replaceChildren(...[compare, reuse, inpaint].filter((each) => each !== null));
  const side = viewerSide(image, { rate: (marks) => rate(it, marks, false), bin: () => bin(image), acts: Object.values(rest).filter((each) => each !== null) });
  it.marks = side.marks;
  it.side.replaceChildren(...side.parts.filter(Boolean));
  it.side.scrollTop = 0;
}

/** Where it is among the others, and whether there are any. */
function steps(it) {
  const n = at(it);
  it.where.textContent = n < 0 ? '' : t('{n} of {all}', { n: grouped(n + 1), all: grouped(Math.max(it.total(), it.known.length)) });
  for (const [button, by] of [[it.newer, -1], [it.older, 1]]) button.disabled = !next(it, by);
  it.film.draw(it.known, n);
}

function drawMap(it) {
  const part = seenPart(it.zoom.place, it.zoom.frame, it.zoom.size);
  it.map.hidden = !part;
  if (!part) return;
  const [left, top] = [Math.max(0, part.left), Math.max(0, part.top)];
  const [right, bottom] = [Math.min(1, part.left + part.width), Math.min(1, part.top + part.height)];
  const frame = $('i', it.map);
  frame.style.cssText = `inset-inline-start:${left * 100}%;inset-block-start:${top * 100}%;inline-size:${(right - left) * 100}%;block-size:${(bottom - top) * 100}%`;
}

// ---------------------------------------------------------------------------------------------------------- what is done
/** A key goes on to the next picture, as on the sheet; a press stays. */
async function rate(it, marks, onward) {
  const { id } = it.image;
  const done = await mark({ ids: [id] }, marks, (ids, now) => {
    parts.gallery?.marked?.({ id }, now);
    if (ids.includes(it.image.id)) Object.assign(it.image, now);
    it.marks.draw();
  });
  if (done && onward && it.image.id === id) go(it, 1);
}

/** The list was asked for anew, which may know other marks. */
function fresh(it) {
  const now = it.list().find((each) => each.id === it.image.id);
  if (!now || now === it.image) return;
  Object.assign(it.image, { rating: now.rating ?? it.image.rating, flag: now.flag ?? it.image.flag });
  it.marks.draw();
}

async function remarked(it) {
  const { id } = it.image;
  /** @type {any} */
  const known = await images.record(id).catch(() => null);
  if (!known || id !== it.image.id) return;
  Object.assign(it.image, { rating: known.rating ?? 0, flag: known.flag ?? 0 });
  it.marks.draw();
}

function removed(it, gone) {
  if (gone.id !== it.image.id) return void (it.known = it.known.filter((each) => each.id !== gone.id));
  const instead = next(it, 1) ?? next(it, -1);  // while it is still known
  it.known = it.known.filter((each) => each.id !== gone.id);
  if (instead) look(it, instead);
  else it.box.close();
}

function compareWithNext(it) {
  const other = next(it, 1) ?? next(it, -1);
  if (other) openCompare([it.image, other]);
}

/** What a key does here; false for one that is not ours. */
function key(it, event) {
  const { key: pressed, ctrlKey, metaKey, altKey, shiftKey, repeat } = event;
  if (ctrlKey || metaKey) return pressed.toLowerCase() === 'z' && !shiftKey && undoLast();
  if (altKey) return false;
  const by = shiftKey ? 0 : { ArrowLeft: -1, ArrowRight: 1 }[pressed];
  const marks = !repeat && markOf(pressed);
  if (by) go(it, by);
  else if (marks) rate(it, marks, true);
  else if (pressed === 'Delete') return repeat || Boolean(bin(it.image));
  else if (pressed === ' ' && !event.target.closest('button:not([role=option])')) it.box.close();
  else if (pressed.toLowerCase() === 'o' && (it.image.request?.init || it.image.source)) repeat || show(it, it.image.request?.init ?? it.image.source);
  else if (pressed.toLowerCase() === 'c') compareWithNext(it);
  else if (pressed.toLowerCase() === 'i') it.info.click();
  else if (pressed.toLowerCase() === 'f') $('[data-do=full]', it.box).click();
  else return it.zoom.key(event);
  return true;
}
