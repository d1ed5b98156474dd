// @ts-check
// A grid as a table that stands at once, whole, and fills while its cells are made.

/** @import { CellBody, GridWithCells } from './api-types.d.ts' */
/** @import { PageImage, PageJob } from './page-types.d.ts' */

import { grids, images, jobs } from './api.js';
import { openCompare } from './compare.js';
import { $, announce, button, copyText, el, icon, iconButton } from './dom.js';
import { reuse } from './form.js';
import { cellWords, plotWords, progressOf, titleOfAxis } from './grid-words.js';
import { t } from './language.js';
import { draw, live, parts, state } from './state.js';
import { complain, orPayAgain, toast } from './toast.js';
import { openViewer } from './viewer.js';

const PERIOD = 3000;     // ms between two looks while a grid is being made: what the stream tells comes at once
const LARGE = 200;       // cells from which on it is looked at less often
const SOLD = 10;         // every tenth cell is announced
const MOST_COMPARED = 4;

/**
 * `closed()` is called when it is closed by its own button.
 * @param {() => void} closed
 */
export function makeGridView(closed) {
  /** @type {any} `seen`: what each cell was drawn from */
  const it = { id: '', grid: null, z: 0, picked: [], at: [0, 0], timer: 0, turn: 0, done: 0, seen: new Map(), cells: [], closed };
  it.pages = el('div.segments', { role: 'group', 'aria-label': t('Pages') });
  it.table = el('table.vary-grid', { onkeydown: (event) => { if (key(it, event)) event.preventDefault(); } });
  it.sheet = el('div.vary-sheet', {}, it.table);
  it.line = el('p.vary-facts');
  it.acts = el('div.vary-acts', { role: 'toolbar', 'aria-label': t('This grid') });
  it.root = el('section.vary', { hidden: true, 'aria-label': t('Grid') }, it.pages, it.sheet, el('div.vary-foot', {}, it.line, it.acts));
  return {
    root: it.root,
    get id() { return it.id; },
    open: (id) => open(it, id),
    draw: () => { if (it.id && it.root.checkVisibility()) fill(it); },
    close: () => close(it),
  };
}

function open(it, id) {
  if (it.id !== id) empty(it, id);
  return look(it);
}

/** Nothing of the grid before is left to be seen or pressed while another is fetched. */
function empty(it, id) {
  Object.assign(it, { id, grid: null, cells: [], z: 0, picked: [], at: [0, 0], done: 0 });
  it.seen.clear();
  it.pages.hidden = true;
  it.table.replaceChildren();
  it.line.textContent = '';
  it.acts.dataset.for = '';
  it.acts.replaceChildren(closing(it));
}

const closing = (it) => button('close', t('Close'), () => close(it), { title: t('Close. The grid is kept in the tab Grid.') });

function close(it) {
  clearTimeout(it.timer);
  it.turn += 1;
  empty(it, '');
  it.closed();
  draw();
}

/** The grid as the server has it, again while it is being made and in sight. */
async function look(it) {
  clearTimeout(it.timer);
  if (!it.id) return;
  const mine = ++it.turn;
  try {
    const grid = await grids.get(it.id);
    if (mine !== it.turn) return;
    const before = it.grid;
    it.grid = grid;
    if (String(before?.sides) !== String(grid.sides)) build(it);
    else fill(it);
  } catch (problem) {
    if (mine === it.turn && !it.grid) it.line.textContent = problem.message;
    if (mine === it.turn && problem.status === 404) return close(it);
  }
  if (mine === it.turn && it.grid?.state === 'active') it.timer = setTimeout(() => look(it), it.grid.total > LARGE ? PERIOD * 3 : PERIOD);
}

// ---------------------------------------------------------------------------------------------------------- the table
/** @param {any} it */
function build(it) {
  /** @type {GridWithCells} */
  const grid = it.grid;
  const [x, y, z] = grid.axes;
  const [columns, rows] = grid.sides;
  it.seen.clear();
  it.root.style.setProperty('--columns', columns);
  it.root.style.setProperty('--rows', rows);
  it.pages.hidden = !z;
  it.pages.replaceChildren(...(z?.labels ?? []).map((label, n) => el('button', { type: 'button', 'aria-checked': String(n === it.z), role: 'radio', onclick: () => { it.z = n; build(it); } }, label)));
  const add = (axis, place) => iconButton('plus', t('Add a value of {title}', { title: axis.title }), (event) => ask(it, event.currentTarget, place), { class: 'tool vary-add' });
  const head = el('tr', {}, el('td.vary-corner', {}, el('span', {}, `${titleOfAxis(x)} →`), y && el('span', {}, `${titleOfAxis(y)} ↓`)), x.labels.map((label) => el('th', { scope: 'col' }, label)), el('td', {}, add(x, 'x')));
  const body = Array.from({ length: rows }, (_, row) => el('tr', {}, y ? el('th', { scope: 'row' }, y.labels[row]) : el('td'), Array.from({ length: columns }, (__, column) => el('td', { 'data-at': `${column},${row}` }))));
  it.table.replaceChildren(el('caption.visually-hidden', {}, grid.axes.map((axis) => axis.title).join(' × ')), el('thead', {}, head), el('tbody', {}, body, y && el('tr', {}, el('td.vary-adder', {}, add(y, 'y')))));
  fill(it);
}

/** Jobs of this grid that the stream has told of, by place. */
function toldJobs(it) {
  const found = new Map();
  for (const job of state.jobs.values()) if (job.grid && job.grid.grid === it.id) found.set(String(job.grid.cell), job);
  return found;
}

/** @param {any} it */
function fill(it) {
  const { grid, z } = it;
  if (!grid) return;
  const told = toldJobs(it);
  const cells = grid.cells.map((cell) => newest(cell, told.get(String([cell.x, cell.y, cell.z]))));
  const waiting = cells.filter((cell) => ['planned', 'queued'].includes(cell.state));
  cells.forEach((cell) => { if (cell.z === z) drawCell(it, cell, waiting.indexOf(cell) + 1); });
  it.cells = cells;
  const shape = cells.find((cell) => cell.images[0])?.images[0] ?? grid.request;
  it.root.style.setProperty('--ratio', (shape.width || 1) / (shape.height || 1));
  const done = cells.filter((cell) => cell.state === 'done').length;
  if (done !== it.done && (done % SOLD === 0 || done === cells.length)) announce(t('{done} of {cells}', { done, cells: cells.length }));
  it.done = done;
  drawFoot(it);
}

/** A cell with what its job has come to since the server was asked. @param {CellBody} cell @param {PageJob | undefined} job */
function newest(cell, job) {
  if (!job) return { ...cell, job };
  const made = job.images?.length ? job.images : cell.images;
  return { ...cell, job, state: job.state === 'done' && !made.length ? cell.state : job.state, images: made, error: job.error?.message || cell.error };
}

function drawCell(it, cell, place) {
  const box = $(`[data-at="${cell.x},${cell.y}"]`, it.table);
  if (!box) return;
  const { job, images: made, state: now } = cell;
  const frame = job?.progress?.frame ?? 0;
  const picked = made[0] && it.picked.includes(made[0].id);
  const here = it.at[0] === cell.x && it.at[1] === cell.y;
  const seen = [now, made[0]?.id, now === 'running' ? frame : 0, ['planned', 'queued'].includes(now) ? place : 0, cell.error].join();
  if (it.seen.get(box) !== seen) {
    it.seen.set(box, seen);
    const focused = box.contains(document.activeElement);
    box.replaceChildren(cellNode(it, cell, place, frame));
    if (focused) $('.cell', box).focus();
  }
  const node = $('.cell', box);
  node.tabIndex = here ? 0 : -1;
  node.setAttribute('aria-pressed', String(Boolean(picked)));
  if (now === 'running') node.style.setProperty('--done', String(job?.progress?.done ?? 0));
}

/** What stands in a cell, by its state. */
function cellNode(it, cell, place, frame) {
  const words = cellWords(it.grid, cell);
  const what = { done: '', running: t(': being made'), failed: t(': failed. {error}', { error: cell.error }), cancelled: t(': stopped') }[cell.state] ?? t(': waiting');
  const inside = {
    done: () => el('img', { src: images.thumb(cell.images[0]?.id), alt: '', decoding: 'async' }),
    running: () => [frame > 0 && cell.job ? el('img', { src: jobs.preview(cell.job.id, frame), alt: '' }) : el('span', {}, '…'), el('i')],
    failed: () => [el('span', {}, brief(cell.error)), el('b', {}, t('Try again'))],
    cancelled: () => el('span', {}, '–'),
  }[cell.state] ?? (() => el('span', {}, String(place)));
  return el('button.cell', { type: 'button', 'data-state': cell.state, title: cell.state === 'failed' ? cell.error : words, 'aria-label': words + what, onclick: (event) => press(it, cell, event), ondblclick: () => show(it, cell) }, el('span.cell-inside', { 'aria-hidden': 'true' }, inside()));
}

const brief = (text) => (text.length > 90 ? `${text.slice(0, 89)}…` : text || t('Failed'));

// ---------------------------------------------------------------------------------------------------------- what is done
/** A press chooses a cell; with Ctrl or Shift one more. A failed one is tried again. */
function press(it, cell, event) {
  it.at = [cell.x, cell.y];
  if (cell.state === 'failed') return void grids.retry(it.id).then(() => look(it)).catch(orPayAgain(() => act(it, grids.retry(it.id, true))));
  const id = it.cells.find((each) => each.number === cell.number)?.images[0]?.id;
  if (!id) return fill(it);
  const known = it.picked.includes(id);
  if (event.ctrlKey || event.metaKey || event.shiftKey) it.picked = known ? it.picked.filter((each) => each !== id) : [...it.picked, id];
  else it.picked = known && it.picked.length === 1 ? [] : [id];
  fill(it);
}

const act = (it, going) => going.then(() => look(it)).catch(complain);

/** @returns {PageImage[]} in the order of the table */
const pictures = (it) => [...it.cells].sort((a, b) => a.z - b.z || a.y - b.y || a.x - b.x).flatMap((cell) => cell.images.slice(0, 1));

function show(it, cell) {
  const image = it.cells.find((each) => each.number === cell.number)?.images[0];
  if (image) openViewer(() => pictures(it), image, { closed: (last) => focusOf(it, last.id) });
}

function focusOf(it, id) {
  const cell = it.cells.find((each) => each.images[0]?.id === id && each.z === it.z);
  if (cell) $('.cell', $(`[data-at="${cell.x},${cell.y}"]`, it.table))?.focus();
}

function drawFoot(it) {
  const { grid, cells, picked } = it;
  const chosen = cells.filter((cell) => picked.includes(cell.images[0]?.id));
  const running = cells.some((cell) => live(cell.job)) || grid.state === 'active';
  const counts = { done: it.done, failed: cells.filter((cell) => cell.state === 'failed').length, running: cells.filter((cell) => cell.state === 'running').length };
  const seed = grid.request.seed === undefined || grid.axes.some((axis) => axis.kind === 'seed') ? '' : t(' · the same seed, {seed}', { seed: grid.request.seed });
  it.line.textContent = chosen.length === 1 ? t('{cell} selected', { cell: cellWords(grid, chosen[0]) }) : chosen.length ? t('{chosen} selected', { chosen: chosen.length }) : `${progressOf({ counts, total: grid.total, state: grid.state })}${seed}`;
  const key = [picked.join(), running, it.done > 0, grid.state].join();
  if (it.acts.dataset.for === key) return;
  it.acts.dataset.for = key;
  const [one] = chosen;
  it.acts.replaceChildren(...(chosen.length ? [
    chosen.length === 1 && button('reuse', t('Continue from here'), () => { parts.vary?.clear(); return reuse(one.images[0]); }),
    chosen.length === 1 && button('open', t('Open'), () => show(it, one)),
    chosen.length > 1 && chosen.length <= MOST_COMPARED && button('compare', t('Compare'), () => openCompare(chosen.map((cell) => cell.images[0]))),
    button('close', t('Select none'), () => { it.picked = []; fill(it); }),
  ] : [
    it.done > 0 && el('a.action', { href: grids.picture(grid.id), target: '_blank', title: t('One picture with all labels') }, icon('save'), el('span', {}, t('Save picture'))),
    button('copy', t('Copy as X/Y/Z plot'), () => copyText(plotWords(grid)).then(() => toast(t('Copied')), complain)),
    running && grid.state === 'active' && button('pause', t('Stop the grid'), () => act(it, grids.stop(grid.id))),
    closing(it),
  ]).filter(Boolean));
}

/** More values of an axis, asked for where they will stand: only the missing cells are made. */
function ask(it, opener, axis) {
  const input = el('input.more-values', { type: 'text', 'aria-label': axis === 'x' ? t('Further values, columns') : t('Further values, rows'), placeholder: t('More values') });
  const form = el('form.vary-more', { onsubmit: (event) => { event.preventDefault(); if (input.value.trim()) act(it, grids.add(it.id, { axis, values: input.value })); back(); } }, input);
  const back = () => { if (form.isConnected) form.replaceWith(opener); };
  input.onblur = () => setTimeout(back, 150);
  input.onkeydown = (event) => { event.stopPropagation(); if (event.key === 'Escape') { event.preventDefault(); back(); opener.focus(); } };
  opener.replaceWith(form);
  input.focus();
}

/** Arrows go from cell to cell, Enter opens. */
function key(it, event) {
  const cell = event.target.closest('.cell');
  if (!cell || event.ctrlKey || event.altKey || event.metaKey) return false;
  const [columns, rows] = it.grid.sides;
  const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (by) {
    it.at = [Math.min(Math.max(it.at[0] + by[0], 0), columns - 1), Math.min(Math.max(it.at[1] + by[1], 0), rows - 1)];
    fill(it);
    $('.cell', $(`[data-at="${it.at.join()}"]`, it.table))?.focus();
    return true;
  }
  if (event.key !== 'Enter') return false;
  const found = it.cells.find((each) => each.x === it.at[0] && each.y === it.at[1] && each.z === it.z);
  if (!found?.images.length) return false;
  show(it, found);
  return true;
}

