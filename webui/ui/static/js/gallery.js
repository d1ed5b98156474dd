// @ts-check
/** @import { PageImage } from './page-types.d.ts' */
// All pictures as a contact sheet: found by a query, in sessions, read as they are scrolled to, marked and chosen.

import { here, visit } from './address.js';
import { images } from './api.js';
import { markOf } from './contact-sheet.js';
import { $, $$, button, el, heading, icon, iconButton, notice } from './dom.js';
import { bulkBar, mark, placesBar } from './gallery-bars.js';
import { dateLine } from './gallery-dates.js';
import { sessionHead } from './gallery-sessions.js';
import { sheetSide } from './gallery-side.js';
import { fillTile, newTile } from './gallery-tile.js';
import { t } from './language.js';
import { store, stored } from './storage.js';
import { onLongPress } from './long-press.js';
import { layoutOf, PictureList } from './picture-list.js';
import { Selection } from './selection.js';
import { SheetView } from './sheet-view.js';
import { component, draw, parts, state } from './state.js';
import { toast } from './toast.js';
import { openCompare } from './compare.js';
import { undoLast } from './last-undo.js';
import { openViewer } from './viewer.js';
import { count as counted } from './format.js';

const PAGE = 30;
const MOST = 200;   // pictures that the server gives at once
const SOON = 60;    // ms that the first rows wait for where all the others stand
const CALM = 60;    // ms without scrolling after which what is in sight is read
const AHEAD = 60;   // pictures around the one that is looked at
const MOST_HINTS = 12;
const MOST_COMPARED = 4;
const PEEKED = 8;   // small pictures beside a folded session's head
const MOST_FOLDED = 500;  // sessions that are kept folded
const BAR = 60;     // px that the top bar covers
const NARROW = 760; // px of window up to which the query scrolls away
const SORTS = [['newest', t('Newest first')], ['oldest', t('Oldest first')], ['rating', t('Best first')], ['largest', t('Largest first')]];

component('gallery', (root) => {
  /** @type {any} */
  const it = { pictures: new PictureList(), chosen: new Selection(), sessions: new Map(), words: '', at: 'pictures', sort: 'newest', failed: false, turn: 0, place: null, asked: new Set(), laid: Promise.resolve() };
  const look = () => { clearTimeout(it.timer); it.timer = setTimeout(() => reload(it), 200); };
  it.folded = new Set(stored('folded', []));
  it.hints = el('div.hints', { hidden: true, role: 'group', 'aria-label': t('Suggestions') });
  it.search = el('input.search', { type: 'search', placeholder: t('owl  model:…  steps>20  kept'), 'aria-label': t('Search prompts'), title: t('Words of the prompt, or model: sampler: steps> cfg: size:portrait rated> kept today …'), spellcheck: 'false', oninput: () => { look(); suggest(it); }, onblur: (event) => { if (!it.hints.contains(event.relatedTarget)) it.hints.hidden = true; } });
  const size = el('input', { type: 'range', min: 120, max: 320, value: stored('thumb', 210), 'aria-label': t('Thumbnail size'), oninput: () => { store('thumb', +size.value); it.view.arrange(); } });
  const sort = el('select.plain-select', { 'aria-label': t('Order'), onchange: () => { it.sort = sort.value; reload(it, true); } }, SORTS.map(([value, label]) => el('option', { value }, label)));
  it.count = el('span.muted', { 'aria-live': 'polite' });
  it.fault = el('p.search-fault', { role: 'status', hidden: true });
  it.grid = el('div.grid', { role: 'list', 'aria-label': t('Pictures'), onpointerdown: () => { it.before = it.current; }, onclick: (event) => click(it, event), ondblclick: (event) => doubleClick(it, event), onkeydown: (event) => key(it, event) });
  it.grid.addEventListener('focusin', (event) => { const id = event.target.closest('.tile')?.dataset.id; if (id) makeCurrent(it, id); });
  onLongPress(it.grid, (event) => press(it, event));
  it.empty = el('div', { hidden: true });
  it.fresh = 0;
  it.freshest = el('button.fresh', { type: 'button', hidden: true, onclick: () => { scrollTo({ top: 0, behavior: 'instant' }); it.view.draw(); } });
  it.view = new SheetView(it.grid, {
    list: () => it.pictures.images,
    tile: (image) => dress(it, newTile(), image),
    dress: (tile, image) => dress(it, tile, image),
    head: (image) => sessionHead(image.session ?? 0, it.sessions, { choose: () => chooseSession(it, image), fold: () => fold(it, image), folded: isFolded(it, image), peek: () => peek(it, image) }),
    folded: (image) => isFolded(it, image),
    covered: () => (innerWidth > NARROW ? BAR + it.top.offsetHeight : BAR),
    height: () => Math.min(+size.value, innerWidth * 0.3),
    grouped: () => ['newest', 'oldest'].includes(it.sort) && it.at === 'pictures',
    seen: (from, to, first) => { it.dates.show(first); seen(it, from, to); },
  });
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
  it.side = sheetSide({ open: (image) => open(it, image.id), rate: (image, marks) => mark({ ids: [image.id] }, marks, (ids, now) => remark(it, ids, now)) });
  it.dates = dateLine((index) => it.view.reach(index));
  it.info = iconButton('info', t('Parameters (I)'), () => { store('sheet-side', !it.sheet.classList.toggle('no-side')); tellSide(it); it.view.arrange(); }, { class: 'tool side-switch' });
  it.top = el('div.sheet-top', {}, heading(t('Gallery'), it.search, it.count, el('span.grow'), sort, el('label.small-range', { title: t('Thumbnail size') }, icon('grid'), size), it.info), it.hints);
  it.sheet = el('div.contact', {}, it.places.node, el('div.sheet-main', {}, it.top, it.fault, it.freshest, el('div.sheet-rows', {}, it.grid, it.dates.node), it.empty, it.bulk.node, keyHints()), it.side.node);
  if (!stored('sheet-side', true)) it.sheet.classList.add('no-side');
  root.append(it.sheet);
  tellSide(it);
  addEventListener('scroll', () => { if (state.tab === 'gallery' && it.view.visible) it.place = it.view.place(); if (it.fresh && !isBelow(it)) tellFresh(it, 0); }, { passive: true });
  return {
    opened() {
      const { place } = it;
      it.view.arrange();
      if (place) it.view.goTo(place);
      if (!it.turn) reload(it);
      lookAtAddress(it);
      it.places.draw();
      learnNew(it);
    },
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

const tileOf = (it, id) => (id ? $(`[data-id="${CSS.escape(id)}"]`, it.grid) : null);
const tilesOf = (it) => $$('.tile', it.grid);
const placeIn = (tile) => Number(tile.ariaPosInSet) - 1;

// ---------------------------------------------------------------------------------------------------------- viewer
function look(it, image) {
  openViewer(() => it.pictures.images, image, { near: (n) => read(it, n - AHEAD, n + AHEAD), total: () => it.pictures.total, closed: (last) => $('button', tileOf(it, last.id) ?? it.grid)?.focus({ preventScroll: true }) });
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
    toast(t('This picture is not there any more'));
  } else if (parts.viewer) parts.viewer.look(image);
  else look(it, image);
  if (!known) reach(it, image);
}

async function compareAtAddress(ids) {
  if (parts.compare?.shows(ids)) return;
  const told = await Promise.all(ids.map((id) => images.record(id).catch(() => null)));
  if (here().compare.join() !== ids.join()) return;
  parts.compare?.close();
  if (told.every((image) => image !== null)) return openCompare(told);
  visit('#gallery', { instead: true });
  toast(t('One of these pictures is not there any more'));
}

/** Those that are chosen; of none, the picture with the focus and the one after it. */
function compareChosen(it, focused = '') {
  const list = it.pictures.images;
  const at = list.findIndex((image) => image.id === focused);
  const wanted = it.chosen.empty ? [list[at], list[at + 1]] : list.filter((image) => image.id && it.chosen.has(image.id));
  const known = wanted.filter((image) => image?.id);
  if (known.length > 1 && known.length <= MOST_COMPARED) openCompare(known);
  else toast(t('Compare takes 2 to {most} pictures', { most: MOST_COMPARED }));
}

/** Read what stands around a picture, so that it has neighbours in the viewer. */
async function reach(it, image) {
  let turn;
  do {
    ({ turn } = it);
    await it.laid;
    const at = it.pictures.indexOf(image.number);
    if (at >= 0) await read(it, at - AHEAD, at + AHEAD);
  } while (turn !== it.turn && here().picture === image.id);  // the list was asked for anew meanwhile
}

// ---------------------------------------------------------------------------------------------------------- list
/** Ask anew: the newest first, then where all of them stand. What is shown stays, and can be opened, until the answer is there. */
function reload(it, changed = false) {
  const words = it.search.value.trim();
  if (words !== it.words || changed) {
    it.place = null;
    it.chosen.clear();
    if (it.view.visible && scrollY) scrollTo({ top: 0, behavior: 'instant' });
  }
  Object.assign(it, { words, turn: it.turn + 1, asked: new Set() });
  it.pictures.begin(isFiltered(it));
  it.places.draw();
  it.laid = ask(it);
  return it.laid;
}

async function ask(it) {
  const { turn, words: q, sort, at: place } = it;
  try {
    const page = await images.page({ q, sort, place, limit: PAGE });
    if (turn !== it.turn) return;
    const complete = page.images.length < PAGE;
    const whole = complete ? null : images.layout({ q, sort, place }).then((file) => file.arrayBuffer()).then(layoutOf);
    whole?.catch(() => {});  // it is waited for below
    const soon = await Promise.race([whole, new Promise((done) => setTimeout(done, SOON))]);
    if (turn !== it.turn) return;
    it.pictures.take({ ...page, complete });
    it.sessions.clear();
    if (!soon) shown(it);
    if (whole) await spread(it, turn, soon ?? await whole);
  } catch (problem) {
    if (turn !== it.turn) return;
    if (problem.field === 'q') return void fault(it, problem.message);
    it.failed = true;
    it.empty.hidden = false;
    it.empty.replaceChildren(notice(t('The gallery cannot be read'), problem.message, button('refresh', t('Try again'), () => reload(it))));
  }
}

/** Where all pictures stand; what was finished meanwhile is told apart by its number. */
async function spread(it, turn, layout) {
  await learn(it);
  if (turn !== it.turn) return;
  it.pictures.spread(layout);
  shown(it);
}

/** What the list is now, on the page. */
function shown(it) {
  it.failed = false;
  fault(it, '');
  tell(it);
  it.view.arrange();
  for (const tile of tilesOf(it)) dress(it, tile, it.pictures.images[placeIn(tile)]);
  showChosen(it);
  learnMonths(it);
  draw();
}

/** What is drawn now is read as soon as the scrolling rests. */
function seen(it, from, to) {
  clearTimeout(it.calm);
  it.calm = setTimeout(() => {
    it.pictures.trim(from, to);
    read(it, from, to);
  }, CALM);
}

/** The records of pictures from one place up to another, as far as they are not known. */
async function read(it, from, to) {
  const { turn, asked } = it;
  const numbers = it.pictures.missing(from, to).filter((number) => !asked.has(number));
  for (let at = 0; at < numbers.length; at += MOST) {
    const some = numbers.slice(at, at + MOST);
    for (const number of some) asked.add(number);
    const told = await images.numbered(some).catch(() => null);  // asked again when they are next drawn
    for (const number of some) asked.delete(number);
    if (turn !== it.turn) return;
    if (told) filled(it, told.images, some);
  }
}

function filled(it, records, asked) {
  const before = it.pictures.total;
  it.pictures.fill(records, asked);
  if (it.pictures.total !== before) return shown(it);
  const told = new Set(asked);
  for (const tile of tilesOf(it)) {
    const image = it.pictures.images[placeIn(tile)];
    if (image && told.has(image.number)) dress(it, tile, image);
  }
  it.view.draw();
  tellSide(it);
  draw();
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
  it.hints.replaceChildren(...told.suggestions.slice(0, MOST_HINTS).map(({ text, count }) => el('button.place', { type: 'button', onclick: () => take(text) }, text, count == null ? null : el('span.many', {}, ` ${count}`))));
  it.hints.hidden = !it.hints.firstChild;
}

/**
 * A picture was finished elsewhere on the page: put it in front without fetching everything anew.
 * @param {any} it
 * @param {PageImage} image
 */
function added(it, image) {
  if (it.search.value || isFiltered(it) || !it.pictures.add(image)) return;
  it.view.arrange();
  tell(it);
  if (isBelow(it)) tellFresh(it, it.fresh + 1);
  if (state.tab === 'gallery') learnNew(it);
}

/** Whether who looks at the gallery does not see where new pictures come in. */
const isBelow = (it) => state.tab === 'gallery' && it.view.visible && it.grid.getBoundingClientRect().top < 0;

/** What is looked at stays in its place; a word says that there is more above, and leads there. */
function tellFresh(it, many) {
  it.fresh = many;
  it.freshest.hidden = !many;
  it.freshest.textContent = many ? counted(many, 'new picture') : '';
}

/** What a picture's session is, is known once it is listed. */
async function learnNew(it) {
  const { turn } = it;
  const many = await learn(it);
  if (!many || turn !== it.turn) return;
  for (const image of it.pictures.images.slice(0, many)) it.sessions.delete(image.session);
  it.pictures.settle(0, many + 1);
  it.view.arrange();
}

/** Learn the numbers and sessions of the pictures in front that were finished since the list was told; gives how many. */
async function learn(it) {
  let many = 0;
  for (const image of it.pictures.images.slice(0, MOST)) {
    if (image.number) break;
    const known = await images.record(image.id).catch(() => null);
    if (known) Object.assign(image, { number: known.number, session: known.session, rating: known.rating, flag: known.flag });
    many += 1;
  }
  return many;
}

/**
 * Out of the list, and into it again where it was, as long as what followed it is still there.
 * @param {any} it
 * @param {PageImage} image
 */
function removed(it, image) {
  if (!it.pictures.remove(image)) return;
  it.chosen.drop(image.id);
  it.view.arrange();
  tell(it);
}

/**
 * @param {any} it
 * @param {PageImage} image
 */
function returned(it, image) {
  if (it.pictures.putBack(image) < 0) return;
  it.view.arrange();
  tell(it);
}

/** What a tile shows: its picture, how that is marked, and whether it is chosen. */
function dress(it, tile, image) {
  fillTile(tile, image);
  choosing(it, tile);
  return tile;
}

// ---------------------------------------------------------------------------------------------------------- choosing and marking
const order = (it) => it.pictures.images.map((image) => image.id);

/** All pictures of a session, from its first one on. */
async function chooseSession(it, image) {
  const from = it.pictures.images.indexOf(image);
  const next = it.pictures.images.findIndex((each, n) => n > from && each.begins);
  const to = next < 0 ? it.pictures.images.length : next;
  await read(it, from, to);
  for (const each of it.pictures.images.slice(from, to)) if (each.id) it.chosen.ids.add(each.id);
  showChosen(it);
}

/** All pictures from the one that was chosen last up to this one. */
async function chooseUpTo(it, id) {
  const at = [it.chosen.anchor ?? id, id].map((each) => it.pictures.images.findIndex((image) => image.id === each));
  if (at.every((n) => n >= 0)) await read(it, Math.min(...at), Math.max(...at));
  it.chosen.reach(id, order(it));
  showChosen(it);
}

function showChosen(it) {
  for (const tile of tilesOf(it)) choosing(it, tile);
  it.grid.classList.toggle('choosing', !it.chosen.empty);
  it.bulk.draw();
  tellSide(it);
}

function choosing(it, tile) {
  const on = Boolean(tile.dataset.id) && it.chosen.has(tile.dataset.id);
  tile.classList.toggle('chosen', on);
  tile.classList.toggle('current', it.chosen.empty && Boolean(tile.dataset.id) && tile.dataset.id === it.current);
  $('.tick', tile).ariaChecked = String(on);
}

/** A click makes a picture the one that is told of, Enter opens it; on the tick, with Ctrl or Shift, it chooses. A finger's tap opens, or chooses where something is chosen. */
function click(it, event) {
  const tile = event.target.closest('.tile');
  const id = tile?.dataset.id;
  if (!id) return;
  const adds = event.ctrlKey || event.metaKey;
  const finger = event.pointerType === 'touch' || event.pointerType === 'pen';
  if (event.shiftKey) return void chooseUpTo(it, id);
  if (adds && it.chosen.empty && it.before && it.before !== id) it.chosen.toggle(it.before);
  if (adds || event.target.closest('.tick') || it.at === 'bin' || (finger && !it.chosen.empty)) it.chosen.toggle(id);
  else if (finger || !event.pointerType) return open(it, id);
  else it.chosen.clear();
  it.current = id;
  showChosen(it);
}

function doubleClick(it, event) {
  const id = event.target.closest('.thumb')?.closest('.tile')?.dataset.id;
  if (id && it.at !== 'bin' && !event.ctrlKey && !event.metaKey && !event.shiftKey) open(it, id);
}

function open(it, id) {
  const image = it.pictures.images.find((each) => each.id === id);
  if (image) look(it, image);
}

/** A finger that stays chooses. */
function press(it, event) {
  const id = event.target.closest('.tile')?.dataset.id;
  if (!id) return false;
  it.chosen.toggle(id);
  it.current = id;
  showChosen(it);
  return true;
}

function makeCurrent(it, id) {
  if (it.current === id) return;
  it.current = id;
  for (const tile of tilesOf(it)) choosing(it, tile);
  tellSide(it);
}

/** Beside the sheet: those that are chosen, else the one that was clicked. */
function tellSide(it) {
  const { chosen, pictures } = it;
  it.info.setAttribute('aria-pressed', String(!it.sheet.classList.contains('no-side')));
  if (chosen.empty) return it.side.draw(pictures.images.filter((image) => image.id && image.id === it.current));
  it.side.draw(pictures.images.filter((image) => image.id && chosen.has(image.id)), chosen.count(pictures.total));
}

// ---------------------------------------------------------------------------------------------------------- sessions
const isFolded = (it, image) => Boolean(image?.session) && it.folded.has(image.session);

function fold(it, image) {
  if (!it.folded.delete(image.session)) it.folded.add(image.session);
  store('folded', [...it.folded].slice(-MOST_FOLDED));
  it.view.renewHead(image);
  $(`[data-session="${image.session}"] .fold`, it.grid)?.focus({ preventScroll: true });
}

/** The first pictures of a session. */
async function peek(it, image) {
  const from = it.pictures.images.indexOf(image);
  const next = it.pictures.images.findIndex((each, n) => n > from && each.begins);
  const to = Math.min(from + PEEKED, next < 0 ? it.pictures.images.length : next);
  await read(it, from, to);
  return it.pictures.images.slice(from, to).filter((each) => each.id);
}

/** In which months the pictures were made, where they stand in that order. */
async function learnMonths(it) {
  const { turn } = it;
  const { months } = it.at === 'pictures' && ['newest', 'oldest'].includes(it.sort) ? await images.months(it.words, it.at).catch(() => ({ months: [] })) : { months: [] };
  if (turn === it.turn) it.dates.take(it.sort === 'oldest' ? months.toReversed() : months);
}

const keyHints = () => el('p.key-hints', { 'aria-hidden': 'true' }, [['← → ↑ ↓', t('move')], [t('Space'), t('full size')], ['P', t('keep')], ['X', t('reject')], ['1–5', t('stars')], ['C', t('compare')], [t('Del'), t('bin')], ['?', t('all keys')]].map(([key, words]) => el('span', {}, el('kbd', {}, key), ' ', words)));

function key(it, event) {
  const tile = event.target.closest('.tile');
  if (!tile || event.altKey) return;
  const handled = (event.ctrlKey || event.metaKey) ? ctrlKey(it, event.key, tile) : event.shiftKey && it.view.leads(event.key, placeIn(tile)) !== null ? chooseTo(it, tile, event.key) : plainKey(it, event.key, tile);
  if (handled) event.preventDefault();
}

function ctrlKey(it, pressed, tile) {
  if (pressed === ' ' && tile.dataset.id) {
    it.chosen.toggle(tile.dataset.id);
    showChosen(it);
    return true;
  }
  if (pressed.toLowerCase() === 'z') return undoLast();
  if (pressed.toLowerCase() !== 'a') return false;
  it.chosen.everything();
  showChosen(it);
  return true;
}

function plainKey(it, pressed, tile) {
  const at = placeIn(tile);
  const { id } = tile.dataset;
  const to = it.view.leads(pressed, at);
  const marks = it.at === 'pictures' && markOf(pressed);
  if (to !== null) focus(it, to);
  else if (!id) return false;  // it is not known yet which picture this is
  else if (pressed === ' ') open(it, id);
  else if (pressed.toLowerCase() === 'i') it.info.click();
  else if (marks) markHere(it, tile, marks);
  else if (pressed.toLowerCase() === 'c') compareChosen(it, id);
  else if (pressed === 'Delete' && it.at === 'pictures') it.bulk.bin(it.chosen.empty ? { ids: [id] } : it.chosen.named(it.words, it.at));
  else return false;
  return true;
}

/** With Shift: all pictures from where it began up to where the key leads. */
function chooseTo(it, tile, pressed) {
  const to = it.view.leads(pressed, placeIn(tile));
  if (tile.dataset.id && !it.chosen.has(tile.dataset.id)) it.chosen.toggle(tile.dataset.id);
  focus(it, to);
  const { id } = it.pictures.images[to] ?? {};
  if (id) chooseUpTo(it, id);
  return true;
}

function focus(it, index) {
  const tile = it.view.show(index);
  if (tile) $('.thumb', tile).focus({ preventScroll: true });
}

/** One picture alone: the mark goes on to the next; several: all of them. */
async function markHere(it, tile, marks) {
  const selection = it.chosen.empty ? { ids: [tile.dataset.id] } : it.chosen.named(it.words, it.at);
  if (await mark(selection, marks, (ids, now) => remark(it, ids, now)) && it.chosen.empty) focus(it, Math.min(placeIn(tile) + 1, it.pictures.images.length - 1));
}

function remark(it, ids, marks) {
  const known = new Set(ids);
  for (const image of it.pictures.images) {
    if (!known.has(image.id)) continue;
    Object.assign(image, marks);
    const tile = tileOf(it, image.id);
    if (tile) fillTile(tile, image);
  }
  it.places.draw();
  tellSide(it);
}

/** What is no query is said below it; what is shown stays. */
function fault(it, text) {
  it.fault.textContent = text;
  it.fault.hidden = !text;
}

function tell(it) {
  it.count.textContent = counted(it.pictures.total, 'picture');
  it.empty.hidden = it.pictures.images.length > 0;
  if (it.pictures.images.length) return;
  if (it.at === 'bin' && !it.words) return void it.empty.replaceChildren(notice(t('The bin is empty'), t('What you delete lies here until you delete it for good.')));
  it.empty.replaceChildren(it.words ? notice(t('No picture matches'), t('Try fewer words.')) : notice(t('Your pictures appear here'), t('Make the first one in txt2img.')));
  if (it.words) offerNearest(it);
}

/** Which part of the query is in the way. */
async function offerNearest(it) {
  const { turn, words } = it;
  const { nearest: near } = await images.count(words, it.at).catch(() => ({ nearest: null }));
  if (turn !== it.turn || !near) return;
  const show = () => { it.search.value = near.query; reload(it); };
  it.empty.replaceChildren(notice(t('No picture matches'), t('Without {without} there are {counted}.', { without: near.without, counted: counted(near.count, 'picture') }), button('eye', t('Show them'), show)));
}
