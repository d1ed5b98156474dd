// @ts-check
/** @import { PageImage } from './page-types.d.ts' */
// All pictures, newest first, fetched page by page as they are scrolled to.

import { here, visit } from './address.js';
import { images } from './api.js';
import { $, button, el, heading, icon, notice } from './dom.js';
import { store, stored } from './storage.js';
import { askFor, PictureList } from './picture-list.js';
import { component, draw, parts, state } from './state.js';
import { toast } from './toast.js';
import { openViewer } from './viewer.js';
import { count as counted, promptOf } from './format.js';

const PAGE = 30;
const MOST = 200;  // pictures that the server gives at once

component('gallery', (root) => {
  /** @type {any} */
  const it = { pictures: new PictureList(), words: '', failed: false, busy: false, turn: 0, place: null };
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
    refresh() { if (it.words || it.failed || it.pictures.total !== state.total || it.pictures.images[0]?.id !== state.images[0]?.id) reload(it); },
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
  openViewer(() => it.pictures.images, image, { near: () => more(it), closed: (last) => $('button', tileOf(it, last.id) ?? it.grid)?.focus({ preventScroll: true }) });
}

/** Open or close the viewer as the address says; its picture may lie further down than the gallery was read. */
async function lookAtAddress(it) {
  const { picture } = here();
  if (!picture) return parts.viewer?.close();
  const known = it.pictures.images.find((image) => image.id === picture);
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
  while (!it.pictures.complete && here().picture === id && !it.pictures.has(id)) {
    if (it.busy) await new Promise((done) => setTimeout(done, 100));
    else await more(it, false, MOST);
  }
}

// ---------------------------------------------------------------------------------------------------------- list
/** Ask anew for as many as are shown. They stay, and can be opened, until the answer is there. */
function reload(it) {
  const words = it.search.value.trim();
  const wanted = words === it.words ? it.pictures.images.length : 0;
  if (!wanted) it.place = null;
  Object.assign(it, { words, busy: false, turn: it.turn + 1 });
  it.pictures.begin(Boolean(words));
  return more(it, true, wanted);
}

/**
 * A picture was finished elsewhere on the page: put it in front without fetching everything anew.
 * @param {any} it
 * @param {PageImage} image
 */
function added(it, image) {
  if (it.search.value || !it.pictures.add(image)) return;
  it.grid.prepend(thumb(it, image));
  tell(it);
}

/**
 * Out of the list, and into it again where it was, as long as what followed it is still there.
 * @param {any} it
 * @param {PageImage} image
 */
function removed(it, image) {
  if (!it.pictures.remove(image)) return;
  tileOf(it, image.id)?.remove();
  tell(it);
}

/**
 * @param {any} it
 * @param {PageImage} image
 */
function returned(it, image) {
  const at = it.pictures.putBack(image);
  if (at < 0) return;
  it.grid.insertBefore(thumb(it, image), it.grid.children[at] ?? null);
  tell(it);
}

async function more(it, fresh = false, wanted = 0) {
  if (it.busy || it.pictures.complete) return;
  it.busy = true;
  const turn = it.turn;
  try {
    const { words, pictures } = it;
    const page = await askFor((after, limit) => images.page(after, words, limit), fresh ? '' : pictures.images.at(-1)?.id ?? '', Math.max(wanted, PAGE), MOST);
    if (turn === it.turn) take(it, page, fresh);
  } catch (problem) {
    if (turn !== it.turn) return;
    it.pictures.complete = it.failed = true;
    it.empty.hidden = false;
    it.empty.replaceChildren(notice('The gallery cannot be read', problem.message, button('refresh', 'Try again', () => reload(it))));
  } finally {
    if (turn === it.turn) it.busy = false;
  }
}

/** A page of the server's: the first, or the next. */
function take(it, page, fresh) {
  const news = it.pictures.take(page, fresh);
  it.failed = false;
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
  const tiles = it.pictures.images.map((image) => old.get(image.id) ?? thumb(it, image));
  if (tiles.length !== old.size || tiles.some((tile, n) => it.grid.children[n] !== tile)) it.grid.replaceChildren(...tiles);
}

/**
 * @param {any} it
 * @param {PageImage} image
 */
const thumb = (it, image) => el('div', { role: 'listitem', 'data-id': image.id },
  el('button.thumb', { type: 'button', 'aria-label': promptOf(image), title: promptOf(image), onclick: () => look(it, image) },
    el('img', { src: images.thumb(image.id), alt: '', loading: 'lazy', width: image.width, height: image.height })));

function tell(it) {
  it.count.textContent = counted(it.pictures.total, 'picture');
  it.empty.hidden = it.pictures.images.length > 0;
  it.end.hidden = it.pictures.complete;
  if (it.pictures.images.length) return;
  it.empty.replaceChildren(it.words ? notice('No picture matches', 'Try fewer words.') : notice('Your pictures appear here', 'Make the first one in txt2img.'));
}
