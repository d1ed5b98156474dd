// @ts-check
// Vary: a field with several values is an axis, and Generate says how many pictures that makes. A word of the prompt can be one too.

/** @import { AxisKind } from './api-types.d.ts' */

import { grids, page } from './api.js';
import { $, $$, button, el, icon, iconButton, openDialog } from './dom.js';
import { form, formRequest } from './form.js';
import { joined, toggledValue, valuesIn } from './grid-words.js';
import { grouped, t } from './language.js';
import { draw, parts } from './state.js';
import { complain, toast } from './toast.js';

const MOST = 3;
const ROLES = [t('columns'), t('rows'), t('pages')];
const WORD = 'Prompt S/R', WHOLE = 'Prompts';
const PAUSE = 300;  // ms after the last key before the cells are counted

/** @type {{axes: any[], kinds: AxisKind[], count: number, turn: number, timer: any}} */
const it = { axes: [], kinds: [], count: 0, turn: 0, timer: 0 };

/** The offer beside a field's name, and what Generate does while there are axes. */
export function watchVary() {
  const offer = el('button.vary-offer', { type: 'button', tabindex: -1, hidden: true, onpointerdown: (event) => event.preventDefault(), onclick: () => vary(offer.dataset.name) }, icon('grid'));
  const near = ({ target }) => showOffer(offer, target);
  for (const kind of ['pointerover', 'focusin']) document.addEventListener(kind, near);
  parts.vary = {
    active: () => it.axes.length > 0,
    words: () => (it.count ? t('Generate {count}', { count: grouped(it.count) }) : t('Generate grid')),
    make,
    clear,
    choose: chooseField,
    here: () => varyHere(document.activeElement),
  };
}

async function kinds() {
  if (!it.kinds.length) it.kinds = (await grids.axes()).kinds;
  return it.kinds;
}

// ---------------------------------------------------------------------------------------------------------- the offer
/** The name of the field that an element belongs to, if a grid can vary it. @param {any} node */
function fieldAt(node) {
  for (let at = node?.closest?.('#form-fields [id]'); at; at = at.parentElement?.closest('#form-fields [id]')) {
    const name = form.names.find((each) => each.replaceAll('.', '-') === at.id);
    if (name) return { name, field: at };
  }
  return null;
}

/** @param {HTMLElement} offer @param {any} target */
function showOffer(offer, target) {
  if (offer.contains(target)) return;
  const found = fieldAt(target) ?? fieldAt(document.activeElement);
  wanted = found?.name ?? '';
  if (!found) return void (offer.hidden = true);
  if (offer.dataset.name !== wanted) offer.hidden = true;  // until the server has said what can be varied, it would be another field's
  (isPrompt(found.name) ? Promise.resolve([]) : kinds()).then((known) => {
    if (wanted !== found.name) return;
    const can = isPrompt(found.name) || known.some((kind) => kind.kind === found.name);
    const label = $('[data-testid=block-info]', found.field);
    offer.hidden = !can || !label || it.axes.length >= MOST;
    if (offer.hidden) return;
    const fields = $('#form-fields');
    if (offer.parentNode !== fields) fields.append(offer);
    offer.dataset.name = found.name;
    offer.title = isPrompt(found.name) ? t('Vary the selected word, or the whole prompt (Alt+V)') : t('Vary {field} (Alt+V)', { field: t(form.labels[found.name] ?? found.name) });
    offer.setAttribute('aria-label', offer.title);
    const place = () => placeOffer(offer, label, fields);
    shifts?.disconnect();
    shifts = new ResizeObserver(place);  // what comes or opens above a field moves it
    for (const part of fields.children) if (part !== offer) shifts.observe(part);
    place();
  }).catch(() => {});
}

let wanted = '';  // the field that the pointer or the focus came to last
/** @type {ResizeObserver | null} */
let shifts = null;

/** Behind the words of a field's label. @param {HTMLElement} offer @param {any} label @param {any} fields */
function placeOffer(offer, label, fields) {
  const range = document.createRange();
  range.selectNodeContents(label);
  const [words, box] = [range.getBoundingClientRect(), fields.getBoundingClientRect()];
  offer.style.cssText = `inset-inline-start:${(document.documentElement.dir === 'rtl' ? box.right - words.left : words.right - box.left) + 4}px;inset-block-start:${words.top - box.top + fields.scrollTop + words.height / 2}px`;
}

const isPrompt = (name) => name === 'prompt' || name === 'negative_prompt';

/** Alt+V: the field that has the focus. */
function varyHere(node) {
  const found = fieldAt(node);
  if (found) vary(found.name);
  return Boolean(found);
}

/** Any kind of axis, also those that are no field: for touch, keys, and who knows them by A1111's names. */
async function chooseField() {
  try {
    const select = el('select', { 'aria-label': t('What to vary') }, (await kinds()).map((kind) => el('option', { value: kind.kind }, t(kind.name))));
    const take = () => { box.close(); vary(select.value); };
    const box = el('dialog.picker', { 'aria-label': t('Vary'), onclose: () => box.remove() }, el('h2', {}, t('Vary')), select, el('div.row-of-buttons', {}, button('grid', t('Vary it'), take), button('close', t('Cancel'), () => box.close())));
    openDialog(box);
  } catch (problem) {
    complain(problem);
  }
}

// ---------------------------------------------------------------------------------------------------------- axes
/** Turn a field, or the selected word of a prompt, into an axis. @param {string | undefined} name */
async function vary(name) {
  if (!name) return;
  const word = isPrompt(name) ? selectedWord(name) : '';
  const key = isPrompt(name) ? (word ? WORD : WHOLE) : name;
  const known = it.axes.find((axis) => axis.kind.kind === key && !word);
  if (known) return known.input.focus();
  if (it.axes.length >= MOST) return toast(t('A grid has at most {most} axes', { most: MOST }));
  const kind = (await kinds().catch(() => [])).find((each) => each.kind === key);
  if (!kind) return toast(t('This cannot be varied'));
  const now = form.values[name];
  const first = word ? `${joined([word])}, ` : key === WHOLE ? String(form.values.prompt ?? '') : now == null || now === '' ? '' : joined([String(now)]);
  const axis = makeAxis(kind, word ? `“${word}”` : t(kind.name), first);
  it.axes.push(axis);
  parts.dock?.reveal();
  place(axis, name);
  changed();
  axis.input.focus();
  axis.input.setSelectionRange(first.length, first.length);
}

function selectedWord(name) {
  const area = $(`#${name} textarea`);
  return area ? area.value.slice(area.selectionStart, area.selectionEnd).trim() : '';
}

/** @param {AxisKind} kind @param {string} title @param {string} first */
function makeAxis(kind, title, first) {
  const many = kind.kind === WHOLE;
  const input = el(many ? 'textarea' : 'input', { ...(many ? { rows: 3 } : { type: 'text' }), 'aria-label': t('Values of {title}', { title }), placeholder: kind.choices.length ? t('Pick below') : many ? t('A prompt on each line') : t('5, 7 or 4-10 (+2)'), autocomplete: 'off', spellcheck: 'false' });
  input.value = first;
  const role = el('button.vary-role', { type: 'button', title: t('Columns, rows or pages'), onclick: () => turn(axis) });
  const fault = el('p.field-note', { role: 'alert', hidden: true });
  const choices = el('div.vary-choices', { role: 'group', 'aria-label': t('Choices of {title}', { title }) }, kind.choices.slice(0, 200).map((value) => el('button.place', { type: 'button', 'data-value': value, 'aria-pressed': 'false', onclick: () => { input.value = toggledValue(input.value, value); changed(); } }, value)));
  const node = el('div.vary-axis', { role: 'group', 'aria-label': t('Vary {title}', { title }) }, el('div.vary-line', {}, role, el('b', {}, title), iconButton('close', t('Do not vary {title}', { title }), () => drop(axis))), input, kind.choices.length > 0 && choices, fault);
  input.oninput = changed;
  input.onkeydown = (event) => { if (event.key === 'Escape') { event.stopPropagation(); drop(axis); } };
  const axis = { kind, title, input, role, fault, choices, node };
  return axis;
}

/** Below its field where that can be seen, else at the form's end. */
function place(axis, name) {
  const field = document.getElementById(name.replaceAll('.', '-')) ?? $('#prompt');
  const row = field?.closest('#form-fields .row') ?? field;
  if (row?.checkVisibility() && $('#form-fields').contains(row)) row.after(axis.node);
  else $('#form-fields').append(axis.node);
  axis.node.scrollIntoView({ block: innerWidth <= 760 ? 'center' : 'nearest' });
}

function drop(axis) {
  it.axes = it.axes.filter((each) => each !== axis);
  axis.node.remove();
  changed();
  if (!it.axes.length) $('#generate')?.focus();
}

function clear() {
  for (const axis of it.axes) axis.node.remove();
  it.axes = [];
  changed();
}

/** The next place among the axes: the one that is there gives way. */
function turn(axis) {
  const at = it.axes.indexOf(axis);
  const to = (at + 1) % it.axes.length;
  [it.axes[at], it.axes[to]] = [it.axes[to], it.axes[at]];
  changed();
}

const wishes = () => it.axes.map((axis) => ({ kind: axis.kind.kind, values: axis.input.value.replace(/,\s*$/, '') }));

/** What the axes say is shown, and the cells are counted once the hand rests. */
function changed() {
  it.axes.forEach((axis, n) => {
    axis.role.textContent = ROLES[n];
    const values = valuesIn(axis.input.value);
    for (const each of $$('button', axis.choices)) each.setAttribute('aria-pressed', String(values.includes(each.dataset.value)));
  });
  clearTimeout(it.timer);
  it.count = 0;
  if (it.axes.length) it.timer = setTimeout(count, PAUSE);
  draw();
}

async function count() {
  const mine = ++it.turn;
  try {
    const told = await page.countGrid(await wish());
    if (mine !== it.turn) return;
    it.count = told.cells;
    say(null);
  } catch (problem) {
    if (mine === it.turn) say(problem);
  }
  draw();
}

async function wish() {
  return { values: await formRequest(), axes: wishes(), title: '', new_seeds: false };
}

/** What is wrong, below the axis that it is about. */
function say(problem) {
  const at = Number(/^axes\.(\d)/.exec(problem?.field ?? '')?.[1] ?? 0);
  it.axes.forEach((axis, n) => {
    const mine = problem && n === at && (axis.input.value.trim() !== '' || document.activeElement !== axis.input);
    axis.fault.hidden = !mine;
    axis.fault.textContent = mine ? problem.message : '';
  });
}

/** Generate, while there are axes: the grid stands at once. */
async function make() {
  try {
    const grid = await page.makeGrid(await wish());
    parts.dock?.close();
    parts.stage?.openGrid(grid.id);
  } catch (problem) {
    say(problem);
    complain(problem);
  }
}

