// @ts-check
// All pictures, newest first, fetched page by page as they are scrolled to.

import { placeOf } from './image-actions.js';
import { here, visit } from './address.js';
import { images } from './api.js';
import { $, button, el, heading, icon, notice } from './dom.js';
import { store, stored } from './storage.js';
import { component, draw, parts, state } from './state.js';
import { toast } from './toast.js';
import { openViewer } from './viewer.js';
import { count as counted, promptOf } from './format.js';

const PAGE = 30;
const MOST = 200;  // pictures that the server gives at once

component('gallery', (root) => {
  /** @type {any} */
  const it = { list: [], early: [], words: '', complete: false, failed: false, busy: false, turn: 0, total: 0, place: null, followers: new Map() };
  it.search = el('input.search', { type: 'search', placeholder: 'Search prompts', 'aria-label': 'Search prompts', oninput: () => { clearTimeout(it.timer); it.timer = setTimeout(() => reload(it), 200); } });
  const size = el('input', { type: 'range', min: 120, max: 320, value: stored('thumb', 210), 'aria-label': 'Thumbnail size', oninput: () => { store('thumb', +size.value); resize(); } });
  const resize = () => it.grid.style.setProperty('--thumb', `${size.value}px`);
  it.count = el('span.muted', { 'aria-live': 'polite' });
  it.grid = el('div.grid', { role: 'list', 'aria-label': 'Pictures' });
  it.empty = el('div', { hidden: true });
  it.end = el('div.end');
  resize();
  root.append(heading('Gallery', it.count, el('span.grow'), el('label.small-range', { title: 'Thumbnail size' }, icon('grid'), size), it.search), it.grid, it.empty, it.end);
  it.eye = new IntersectionObserver((seen) => seen.at(-1)?.isIntersecting && more(it), { rootMargin: '600px' });
  it.eye.observe(it.end);
  addEventListener('scroll', () => { if (state.tab === 'gallery') it.place = placeOfPage(it); }, { passive: true });
  return {
    opened() { putBack(it); lookAtAddress(it); },
    arrived: () => lookAtAddress(it),
    refresh() { if (it.words || it.failed || it.total !== state.total || it.list[0]?.id !== state.images[0]?.id) reload(it); },
    added: (image) => added(it, image),
    removed: (image) => removed(it, image),
    returned: (image) => returned(it, image),
  };
});

// ---------------------------------------------------------------------------------------------------------- place
/** The first picture in view and where it stands: pictures may come in front, and a window may be resized, until the page is here again. */
function placeOfPage(it) {
  const tiles = it.grid.children;
  let [from, to] = [0, tiles.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (tiles[middle].getBoundingClientRect().bottom > 60) to = middle;
    else from = middle + 1;
  }
  return scrollY > 0 && tiles[from] ? { id: tiles[from].dataset.id, top: tiles[from].getBoundingClientRect().top } : null;
}

function putBack(it) {
  const tile = it.place && tileOf(it, it.place.id);
  if (tile) scrollBy({ top: tile.getBoundingClientRect().top - it.place.top, behavior: 'instant' });
}

const tileOf = (it, id) => $(`[data-id="${CSS.escape(id)}"]`, it.grid);

// ---------------------------------------------------------------------------------------------------------- viewer
function look(it, image) {
  openViewer(() => it.list, image, { near: () => more(it), closed: (last) => $('button', tileOf(it, last.id) ?? it.grid)?.focus({ preventScroll: true }) });
}

/** Open or close the viewer as the address says; its picture may lie further down than the gallery was read. */
async function lookAtAddress(it) {
  const { picture } = here();
  if (!picture) return parts.viewer?.close();
  const known = it.list.find((image) => image.id === picture);
  const image = known ?? await images.record(picture).catch(() => null);
  if (here().picture !== picture) return;  // gone on meanwhile
  if (!image) {
    visit('#gallery', { instead: true });
    toast('This picture is not there any more');
  } else if (parts.viewer) parts.viewer.look(image);
  else look(it, image);
  if (!known) reach(it, picture);
}

/** Read on until a picture is in the list, so that it has neighbours in the viewer. */
async function reach(it, id) {
  while (!it.complete && here().picture === id && !it.list.some((each) => each.id === id)) {
    if (it.busy) await new Promise((done) => setTimeout(done, 100));
    else await more(it, false, MOST);
  }
}

// ---------------------------------------------------------------------------------------------------------- list
/** Ask anew for as many as are shown. They stay, and can be opened, until the answer is there. */
function reload(it) {
  const words = it.search.value.trim();
  const wanted = words === it.words ? it.list.length : 0;
  if (!wanted) it.place = null;
  Object.assign(it, { early: [], words, complete: false, busy: false, turn: it.turn + 1 });
  return more(it, true, wanted);
}

/** A picture was finished elsewhere on the page: put it in front without fetching everything anew. */
function added(it, image) {
  if (it.search.value || it.list.some((other) => other.id === image.id)) return;
  it.early.push(image);
  it.list.unshift(image);
  it.grid.prepend(thumb(it, image));
  it.total += 1;
  tell(it);
}

/** Out of the list, and into it again where it was, as long as what followed it is still there. */
function removed(it, image) {
  const at = it.list.findIndex((each) => each.id === image.id);
  if (at < 0) return;
  it.followers.set(image.id, it.list[at + 1]?.id);
  it.list = it.list.filter((each) => each.id !== image.id);
  tileOf(it, image.id)?.remove();
  it.total -= 1;
  tell(it);
}

function returned(it, image) {
  if (it.list.some((each) => each.id === image.id) || (it.words && !it.followers.has(image.id))) return;
  const follower = it.list.findIndex((each) => each.id === it.followers.get(image.id));
  const at = follower < 0 ? placeOf(image, it.list) : follower;
  it.list = it.list.toSpliced(at, 0, image);
  it.grid.insertBefore(thumb(it, image), it.grid.children[at] ?? null);
  it.total += 1;
  tell(it);
}

async function more(it, fresh = false, wanted = 0) {
  if (it.busy || it.complete) return;
  it.busy = true;
  const turn = it.turn;
  try {
    const page = await ask(fresh ? '' : it.list.at(-1)?.id, it.words, Math.max(wanted, PAGE));
    if (turn === it.turn) take(it, page, fresh);
  } catch (problem) {
    if (turn !== it.turn) return;
    it.complete = it.failed = true;
    it.empty.hidden = false;
    it.empty.replaceChildren(notice('The gallery cannot be read', problem.message, button('refresh', 'Try again', () => reload(it))));
  } finally {
    if (turn === it.turn) it.busy = false;
  }
}

/** `wanted` pictures after the one with the id `after`. */
async function ask(after, words, wanted) {
  const list = [];
  for (;;) {
    const limit = Math.min(wanted - list.length, MOST);
    const page = await images.page(list.at(-1)?.id ?? after, words, limit);
    list.push(...page.images);
    const complete = page.images.length < limit;
    if (complete || list.length >= wanted) return { images: list, total: page.total, complete };
  }
}

/** A page of the server's: the first, with what was finished since it was asked for in front; or the next. */
function take(it, page, fresh) {
  const told = new Set(page.images.map((image) => image.id));
  const early = it.words ? [] : it.early.filter((image) => !told.has(image.id)).reverse();
  if (fresh) it.list = early;
  const known = new Set(it.list.map((image) => image.id));
  const news = page.images.filter((image) => !known.has(image.id));
  it.list = [...it.list, ...news];
  it.complete = page.complete;
  it.failed = false;
  it.total = page.total + (fresh ? early.length : 0);
  if (fresh) renew(it);
  else it.grid.append(...news.map((image) => thumb(it, image)));
  tell(it);
  draw();
  it.eye.unobserve(it.end);
  it.eye.observe(it.end);  // says again whether the end is in sight: on a large screen one page does not fill it
}

/** The tiles of the list; those that are there stay what they are. */
function renew(it) {
  const old = new Map([...it.grid.children].map((tile) => [tile.dataset.id, tile]));
  const tiles = it.list.map((image) => old.get(image.id) ?? thumb(it, image));
  if (tiles.length !== old.size || tiles.some((tile, n) => it.grid.children[n] !== tile)) it.grid.replaceChildren(...tiles);
}

const thumb = (it, image) => el('div', { role: 'listitem', 'data-id': image.id },
  el('button.thumb', { type: 'button', 'aria-label': promptOf(image), title: promptOf(image), onclick: () => look(it, image) },
    el('img', { src: images.thumb(image.id), alt: '', loading: 'lazy', width: image.width, height: image.height })));

function tell(it) {
  it.count.textContent = counted(it.total, 'picture');
  it.empty.hidden = it.list.length > 0;
  it.end.hidden = it.complete;
  if (it.list.length) return;
  it.empty.replaceChildren(it.words ? notice('No picture matches', 'Try fewer words.') : notice('Your pictures appear here', 'Make the first one in txt2img.'));
}
