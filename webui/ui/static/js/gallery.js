// @ts-check
/** @import { PageImage } from './page-types.d.ts' */
// All pictures as a contact sheet: found by a query, in sessions, fetched page by page as they are scrolled to, marked and chosen.

import { here, visit } from './address.js';
import { images } from './api.js';
import { heads, markOf, spoken } from './contact-sheet.js';
import { $, $$, button, el, heading, icon, notice } from './dom.js';
import { bulkBar, mark, placesBar } from './gallery-bars.js';
import { sessionHead } from './gallery-sessions.js';
import { store, stored } from './storage.js';
import { askFor, PictureList } from './picture-list.js';
import { Selection } from './selection.js';
import { component, draw, parts, state } from './state.js';
import { toast } from './toast.js';
import { openCompare } from './compare.js';
import { undoLast } from './last-undo.js';
import { openViewer } from './viewer.js';
import { count as counted, promptOf } from './format.js';

const PAGE = 30;
const MOST = 200;  // pictures that the server gives at once
const MOST_HINTS = 12;
const MOST_COMPARED = 4;
const SORTS = [['newest', 'Newest first'], ['oldest', 'Oldest first'], ['rating', 'Best first'], ['largest', 'Largest first']];

component('gallery', (root) => {
  /** @type {any} */
  const it = { pictures: new PictureList(), chosen: new Selection(), sessions: new Map(), words: '', at: 'pictures', sort: 'newest', failed: false, busy: false, turn: 0, place: null };
  const look = () => { clearTimeout(it.timer); it.timer = setTimeout(() => reload(it), 200); };
  it.hints = el('div.hints', { hidden: true, role: 'group', 'aria-label': 'Suggestions' });
  it.search = el('input.search', { type: 'search', placeholder: 'owl  model:…  steps>20  kept', 'aria-label': 'Search prompts', title: 'Words of the prompt, or model: sampler: steps> cfg: size:portrait rated> kept today …', spellcheck: 'false', oninput: () => { look(); suggest(it); } });
  const size = el('input', { type: 'range', min: 120, max: 320, value: stored('thumb', 210), 'aria-label': 'Thumbnail size', oninput: () => { store('thumb', +size.value); resize(); } });
  const resize = () => it.grid.style.setProperty('--thumb', `${size.value}px`);
  const sort = el('select.plain-select', { 'aria-label': 'Order', onchange: () => { it.sort = sort.value; reload(it, true); } }, SORTS.map(([value, label]) => el('option', { value }, label)));
  it.count = el('span.muted', { 'aria-live': 'polite' });
  it.fault = el('p.search-fault', { role: 'status', hidden: true });
  it.grid = el('div.grid', { role: 'list', 'aria-label': 'Pictures', onclick: (event) => click(it, event), onkeydown: (event) => key(it, event) });
  it.empty = el('div', { hidden: true });
  it.end = el('div.end');
  it.places = placesBar({ query: () => it.search.value, show: (query, at = 'pictures') => { it.search.value = query; it.at = at; reload(it, true); }, at: () => it.at });
  it.bulk = bulkBar({
    chosen: it.chosen,
    total: () => it.pictures.total,
    at: () => it.at,
    named: () => it.chosen.named(it.words, it.at),
    redraw: () => showChosen(it),
    changed: (fresh) => (fresh ? reload(it) : Promise.resolve()).then(() => it.places.draw()),
    marked: (ids, marks) => remark(it, ids, marks),
    compare: () => compareChosen(it),
  });
  resize();
  root.append(heading('Gallery', it.count, el('span.grow'), el('label.small-range', { title: 'Thumbnail size' }, icon('grid'), size), sort, it.search),
    it.hints, it.places.node, it.fault, it.grid, it.empty, it.end, it.bulk.node);
  it.eye = new IntersectionObserver((seen) => seen.at(-1)?.isIntersecting && more(it), { rootMargin: '600px' });
  it.eye.observe(it.end);
  addEventListener('scroll', () => { if (state.tab === 'gallery') it.place = placeOfPage(it); }, { passive: true });
  return {
    opened() { putBack(it); lookAtAddress(it); it.places.draw(); learnNew(it); },
    arrived: () => lookAtAddress(it),
    look(query) { it.search.value = query; it.at = 'pictures'; reload(it, true); },
    refresh(anyhow = false) { if (anyhow || it.words || it.failed || it.at !== 'pictures' || it.pictures.total !== state.total || it.pictures.images[0]?.id !== state.images[0]?.id) reload(it); },
    added: (image) => added(it, image),
    removed: (image) => removed(it, image),
    returned: (image) => returned(it, image),
    marked: (image, marks) => remark(it, [image.id], marks),
    escape() {
      if (it.chosen.empty) return false;
      it.chosen.clear();
      showChosen(it);
      return true;
    },
  };
});

// ---------------------------------------------------------------------------------------------------------- place
/** The first picture in view and where it stands: pictures may come in front, and a window may be resized, until the page is here again. */
function placeOfPage(it) {
  const tiles = tilesOf(it);
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
const tilesOf = (it) => $$('[data-id]', it.grid);

// ---------------------------------------------------------------------------------------------------------- viewer
function look(it, image) {
  openViewer(() => it.pictures.images, image, { near: () => more(it), total: () => it.pictures.total, closed: (last) => $('button', tileOf(it, last.id) ?? it.grid)?.focus({ preventScroll: true }) });
}

/** Open or close the viewer, or Compare, as the address says; the viewer's picture may lie further down than the gallery was read. */
async function lookAtAddress(it) {
  const { picture, compare } = here();
  if (compare.length) return compareAtAddress(compare);
  parts.compare?.close();
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

async function compareAtAddress(ids) {
  if (parts.compare?.shows(ids)) return;
  const told = await Promise.all(ids.map((id) => images.record(id).catch(() => null)));
  if (here().compare.join() !== ids.join()) return;
  parts.compare?.close();
  if (told.every((image) => image !== null)) return openCompare(told);
  visit('#gallery', { instead: true });
  toast('One of these pictures is not there any more');
}

/** Those that are chosen; of none, the picture with the focus and the one after it. */
function compareChosen(it, focused = '') {
  const list = it.pictures.images;
  const at = list.findIndex((image) => image.id === focused);
  const wanted = it.chosen.empty ? [list[at], list[at + 1]] : list.filter((image) => it.chosen.has(image.id));
  const known = wanted.filter(Boolean);
  if (known.length > 1 && known.length <= MOST_COMPARED) openCompare(known);
  else toast(`Compare takes 2 to ${MOST_COMPARED} pictures`);
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
function reload(it, changed = false) {
  const words = it.search.value.trim();
  const same = words === it.words && !changed;
  const wanted = same ? it.pictures.images.length : 0;
  if (!same) {
    it.place = null;
    it.chosen.clear();
  }
  Object.assign(it, { words, busy: false, turn: it.turn + 1 });
  it.pictures.begin(isFiltered(it));
  it.places.draw();
  return more(it, true, wanted);
}

/** Whether what is finished meanwhile may belong elsewhere than in front. */
const isFiltered = (it) => Boolean(it.words) || it.at !== 'pictures' || it.sort !== 'newest';

async function suggest(it) {
  const typed = it.search.value;
  const told = await images.suggest(typed).catch(() => null);
  if (!told || typed !== it.search.value) return;
  const before = typed.slice(0, typed.lastIndexOf(' ') + 1);
  const minus = typed.slice(before.length).startsWith('-') ? '-' : '';
  const take = (text) => {
    it.search.value = before + minus + text + (text.endsWith(':') ? '' : ' ');
    it.search.focus();
    suggest(it);
    reload(it);
  };
  it.hints.replaceChildren(...told.suggestions.slice(0, MOST_HINTS).map(({ text, count }) => el('button.place', { type: 'button', onclick: () => take(text) }, count == null ? text : `${text} ${count}`)));
  it.hints.hidden = !it.hints.firstChild;
}

/**
 * A picture was finished elsewhere on the page: put it in front without fetching everything anew.
 * @param {any} it
 * @param {PageImage} image
 */
function added(it, image) {
  if (it.search.value || isFiltered(it) || !it.pictures.add(image)) return;
  it.grid.prepend(thumb(image));
  tell(it);
  if (state.tab === 'gallery') learnNew(it);
}

/** What a picture's session is, is known once it is listed. */
async function learnNew(it) {
  const { turn } = it;
  for (const image of it.pictures.images.slice(0, MOST)) {
    if (image.number) break;
    const known = await images.record(image.id).catch(() => null);
    if (turn !== it.turn) return;
    if (known) Object.assign(image, { number: known.number, session: known.session, rating: known.rating, flag: known.flag });
    it.sessions.delete(known?.session);
    arrange(it);
  }
}

/**
 * Out of the list, and into it again where it was, as long as what followed it is still there.
 * @param {any} it
 * @param {PageImage} image
 */
function removed(it, image) {
  if (!it.pictures.remove(image)) return;
  tileOf(it, image.id)?.remove();
  it.chosen.drop(image.id);
  arrange(it);
  tell(it);
}

/**
 * @param {any} it
 * @param {PageImage} image
 */
function returned(it, image) {
  const at = it.pictures.putBack(image);
  if (at < 0) return;
  it.grid.insertBefore(thumb(image), tilesOf(it)[at] ?? null);
  arrange(it);
  tell(it);
}

async function more(it, fresh = false, wanted = 0) {
  if (it.busy || it.pictures.complete) return;
  it.busy = true;
  const turn = it.turn;
  try {
    const { words: q, sort, at: place, pictures } = it;
    const page = await askFor((after, limit) => images.page({ after, q, sort, place, limit }), fresh ? '' : pictures.images.at(-1)?.id ?? '', Math.max(wanted, PAGE), MOST);
    if (turn === it.turn) take(it, page, fresh);
  } catch (problem) {
    if (turn !== it.turn) return;
    if (problem.field === 'q') return void fault(it, problem.message);
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
  fault(it, '');
  if (fresh) renew(it);
  else it.grid.append(...news.map((image) => thumb(image)));
  if (fresh) it.sessions.clear();
  arrange(it);
  showChosen(it);
  tell(it);
  draw();
  it.eye.unobserve(it.end);
  it.eye.observe(it.end);  // says again whether the end is in sight: on a large screen one page does not fill it
}

/** The tiles of the list; those that are there stay what they are. */
function renew(it) {
  const old = new Map(tilesOf(it).map((tile) => [tile.dataset.id, tile]));
  const tiles = it.pictures.images.map((image) => old.get(image.id) ?? thumb(image));
  const now = tilesOf(it);
  if (tiles.length !== now.length || tiles.some((tile, n) => now[n] !== tile)) it.grid.replaceChildren(...tiles);
  for (const image of it.pictures.images) showMarks(tileOf(it, image.id), image);
}

/** @param {PageImage} image */
const thumb = (image) => {
  const ratio = (image.width || 1) / (image.height || 1);
  const open = el('button.thumb', { type: 'button', 'aria-label': promptOf(image), title: promptOf(image) },
    el('img', { src: images.thumb(image.id), alt: '', loading: 'lazy', width: image.width, height: image.height }));
  const tick = el('button.tick', { type: 'button', role: 'checkbox', 'aria-checked': 'false', 'aria-label': 'Choose', title: 'Choose (Ctrl+click; Shift+click: all up to here)', tabindex: -1 });
  const tile = el('div.tile', { role: 'listitem', 'data-id': image.id, style: `--ratio: ${Math.min(Math.max(ratio, 0.3), 4)}` }, open, tick, el('span.marks', { 'aria-hidden': 'true' }));
  return showMarks(tile, image);
};

/** How a tile says its marks. */
function showMarks(tile, image) {
  const { rating = 0, flag = 0 } = image;
  tile.dataset.flag = flag;
  $('.marks', tile).textContent = `${flag === 1 ? '⚑ ' : ''}${rating ? '★'.repeat(rating) : ''}`;
  $('.thumb', tile).setAttribute('aria-label', spoken(promptOf(image), image));
  return tile;
}

/** The heads of sessions, where the order is that of time. */
function arrange(it) {
  const inTime = ['newest', 'oldest'].includes(it.sort) && it.at === 'pictures';
  const wanted = new Map((inTime ? heads(it.pictures.images) : []).map(([image, session]) => [tileOf(it, image.id), session]));
  for (const head of $$('.session-head', it.grid)) {  // one that stands where it should stays: nothing may move
    if (wanted.get(head.nextElementSibling) === Number(head.dataset.session)) wanted.delete(head.nextElementSibling);
    else head.remove();
  }
  for (const [tile, session] of wanted) tile?.before(sessionHead(session, it.sessions, (ids) => choose(it, ids), () => it.pictures.images));
}

// ---------------------------------------------------------------------------------------------------------- choosing and marking
const order = (it) => it.pictures.images.map((image) => image.id);

function choose(it, ids) {
  for (const id of ids) it.chosen.ids.add(id);
  showChosen(it);
}

function showChosen(it) {
  for (const tile of tilesOf(it)) {
    const on = it.chosen.has(tile.dataset.id);
    tile.classList.toggle('chosen', on);
    $('.tick', tile).ariaChecked = String(on);
  }
  it.grid.classList.toggle('choosing', !it.chosen.empty);
  it.bulk.draw();
}

/** A click opens; on the tick, with Ctrl or Shift, or while something is chosen, it chooses. */
function click(it, event) {
  const tile = event.target.closest('[data-id]');
  if (!tile || event.target.closest('.session-head')) return;
  const { id } = tile.dataset;
  const ticked = event.target.closest('.tick') || event.ctrlKey || event.metaKey;
  if (event.shiftKey) it.chosen.reach(id, order(it));
  else if (ticked || !it.chosen.empty || it.at === 'bin') it.chosen.toggle(id, order(it));
  else {
    const image = it.pictures.images.find((each) => each.id === id);
    return void (image && look(it, image));
  }
  showChosen(it);
}

function key(it, event) {
  const tile = event.target.closest('[data-id]');
  if (!tile || event.altKey) return;
  const handled = (event.ctrlKey || event.metaKey) ? ctrlKey(it, event.key) : plainKey(it, event.key, tile);
  if (handled) event.preventDefault();
}

function ctrlKey(it, pressed) {
  if (pressed.toLowerCase() === 'z') return undoLast();
  if (pressed.toLowerCase() !== 'a') return false;
  it.chosen.everything();
  showChosen(it);
  return true;
}

function plainKey(it, pressed, tile) {
  const tiles = tilesOf(it);
  const at = tiles.indexOf(tile);
  const marks = it.at === 'pictures' && markOf(pressed);
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tiles.length - 1, ArrowUp: nearest(tiles, at, -1), ArrowDown: nearest(tiles, at, 1) }[pressed];
  if (to !== undefined) $('.thumb', tiles[to] ?? tile).focus();
  else if (pressed === ' ') it.chosen.toggle(tile.dataset.id, order(it));
  else if (marks) markHere(it, tile, marks);
  else if (pressed.toLowerCase() === 'c') compareChosen(it, tile.dataset.id);
  else if (pressed === 'Delete' && it.at === 'pictures') it.bulk.bin(it.chosen.empty ? { ids: [tile.dataset.id] } : it.chosen.named(it.words, it.at));
  else return false;
  if (pressed === ' ') showChosen(it);
  return true;
}

/** The tile above or below that is nearest to the middle of one. */
function nearest(tiles, at, by) {
  const box = tiles[at].getBoundingClientRect();
  const middle = box.left + box.width / 2;
  let [best, least, row] = [at, Infinity, 0];
  for (let n = at + by; tiles[n]; n += by) {
    const other = tiles[n].getBoundingClientRect();
    if (Math.abs(other.top - box.top) < 2) continue;
    row ||= other.top;
    if (Math.abs(other.top - row) > 2) break;
    const far = Math.abs(other.left + other.width / 2 - middle);
    if (far < least) [best, least] = [n, far];
  }
  return best;
}

/** One picture alone: the mark goes on to the next; several: all of them. */
async function markHere(it, tile, marks) {
  const selection = it.chosen.empty ? { ids: [tile.dataset.id] } : it.chosen.named(it.words, it.at);
  if (await mark(selection, marks, (ids, now) => remark(it, ids, now)) && it.chosen.empty) $('.thumb', tilesOf(it)[tilesOf(it).indexOf(tile) + 1] ?? tile).focus();
}

function remark(it, ids, marks) {
  const known = new Set(ids);
  for (const image of it.pictures.images) {
    if (!known.has(image.id)) continue;
    Object.assign(image, marks);
    const tile = tileOf(it, image.id);
    if (tile) showMarks(tile, image);
  }
}

/** What is no query is said below it; what is shown stays. */
function fault(it, text) {
  it.fault.textContent = text;
  it.fault.hidden = !text;
}

function tell(it) {
  it.count.textContent = counted(it.pictures.total, 'picture');
  it.empty.hidden = it.pictures.images.length > 0;
  it.end.hidden = it.pictures.complete;
  if (it.pictures.images.length) return;
  if (it.at === 'bin' && !it.words) return void it.empty.replaceChildren(notice('The bin is empty', 'What you delete lies here until you delete it for good.'));
  it.empty.replaceChildren(it.words ? notice('No picture matches', 'Try fewer words.') : notice('Your pictures appear here', 'Make the first one in txt2img.'));
  if (it.words) offerNearest(it);
}

/** Which part of the query is in the way. */
async function offerNearest(it) {
  const { turn, words } = it;
  const { nearest: near } = await images.count(words, it.at).catch(() => ({ nearest: null }));
  if (turn !== it.turn || !near) return;
  const show = () => { it.search.value = near.query; reload(it); };
  it.empty.replaceChildren(notice('No picture matches', `Without ${near.without} there are ${counted(near.count, 'picture')}.`, button('eye', 'Show them', show)));
}
