// @ts-check
// The editor of the finish chain: a card for each step, in order. The form has one, and so has the Extras tab.

/** @import { StepField, StepKind } from './api-types.d.ts' */
/** @import { Step } from './finish-steps.js' */

import { images, page } from './api.js';
import { $, el, icon, iconButton } from './dom.js';
import { numberOf } from './exact.js';
import { facts } from './facts.js';
import { changed, kindOf, moved, newStep, readSteps, valueIn, withStep, writeSteps } from './finish-steps.js';
import { t } from './language.js';
import { regionsField } from './regions.js';
import { state } from './state.js';
import { complain } from './toast.js';

/** @type {Record<string, string[]>} */
let names = { upscaler: [], face_restorer: [] };
/** Of a step that asks for more than `MANY` fields, so many are shown at once. */
const MANY = 10, SHOWN = 6;
let asked = 0;
let count = 0;

/** The names to choose from, asked for once and again after ten seconds, for a file that has come. */
async function freshNames(then) {
  if (performance.now() - asked < 10_000 && asked) return;
  asked = performance.now();
  try {
    names = { ...(await page.steps()) };
    then();
  } catch (problem) {
    asked = 0;
    complain(problem);
  }
}

/**
 * `taken(text)` gets the chain after every change by hand; `look()` gives the id of the picture that regions are looked for in.
 * @param {StepKind[]} kinds
 * @param {(text: string) => void} taken
 * @param {() => string | null | undefined} look
 */
export function chainEditor(kinds, taken, look) {
  /** @type {Step[]} */
  let steps = [];
  const list = el('ol.steps', { 'aria-label': t('Steps') });
  const add = el('select', { 'aria-label': t('Add a step') }, el('option', { value: '' }, t('Add a step…')), kinds.map((kind, n) => el('option', { value: String(n) }, t(kind.title))));
  const put = (next, redraw = true) => {
    steps = next;
    if (redraw) draw();
    taken(writeSteps(steps));
  };
  const draw = () => list.replaceChildren(...steps.map((step, at) => card(kinds, step, {
    look,
    set: (name, value, redraw) => put(steps.map((each, n) => (n === at ? changed(each, name, value) : each)), redraw),
    move: (by) => put(moved(steps, at, by)),
    remove: () => put(steps.filter((_, n) => n !== at)),
    first: at === 0,
    last: at === steps.length - 1,
  })));
  add.onchange = () => {
    if (add.value !== '') put(withStep(steps, newStep(kinds[Number(add.value)])));
    add.value = '';
    freshNames(draw);
  };
  return {
    root: el('div.chain', {}, list, add),
    /** @param {unknown} text */
    show(text) {
      if (writeSteps(steps) === writeSteps(readSteps(text))) return;
      steps = readSteps(text);
      draw();
      if (steps.length) freshNames(draw);
    },
    steps: () => steps,
  };
}

/**
 * @param {StepKind[]} kinds
 * @param {Step} step
 * @param {{look: () => string | null | undefined, set: (name: string, value: unknown, redraw: boolean) => void, move: (by: number) => void, remove: () => void, first: boolean, last: boolean}} acts
 */
function card(kinds, step, { look, set, move, remove, first, last }) {
  const kind = kindOf(kinds, step);
  const fields = kind?.fields ?? [], some = fields.length > MANY ? SHOWN : fields.length;
  const shown = (part) => el('div.step-fields', {}, part.map((field) => fieldOf(step, field, set, look)));
  const title = kind ? t(kind.title) : t('{name} (not here)', { name: step.name ?? step.kind });
  return el('li.step', { 'data-kind': step.kind },
    el('div.step-head', {}, el('b', {}, title), el('span.grow'),
      iconButton('up', t('{title}: earlier', { title }), () => move(-1), { disabled: first }), iconButton('down', t('{title}: later', { title }), () => move(1), { disabled: last }),
      iconButton('close', t('Take out {title}', { title }), remove)),
    shown(fields.slice(0, some)),
    some < fields.length ? el('details.step-more', {}, el('summary', {}, t('More')), shown(fields.slice(some))) : null);
}

/**
 * @param {Step} step
 * @param {StepField} field
 * @param {(name: string, value: unknown, redraw: boolean) => void} set
 * @param {() => string | null | undefined} look
 */
function fieldOf(step, field, set, look) {
  const id = `step-${field.name}-${++count}`;
  const value = valueIn(step, field.name) ?? field.value;
  if (field.kind === 'regions') return regionsField(step, look, (boxes) => set(field.name, boxes, false));
  const input = field.kind === 'picture' ? picture(id, value, field, set) : control(id, value, field, set);
  if (field.kind === 'check') return el('label.step-check', { title: t(field.info) }, input, t(field.label));
  return el(field.name.endsWith('prompt') ? 'div.step-field.wide' : 'div.step-field', { title: t(field.info) }, el('label', { for: id }, t(field.label)), input);
}

function control(id, value, field, set) {
  if (field.kind === 'check') return el('input', { id, type: 'checkbox', checked: Boolean(value), onchange: (event) => set(field.name, event.target.checked, false) });
  const choices = field.names ? [...new Set([...(names[field.names] ?? []), String(value ?? '')])] : field.choices;
  if (field.kind === 'choice' || field.names) {
    const list = el('select', { id, onchange: () => set(field.name, list.value, false) }, choices.map((name) => el('option', { value: name }, t(name) || (field.names === 'face_restorer' ? t('The first one') : t('The picture’s')))));
    list.value = String(value ?? '');
    return list;
  }
  if (field.kind === 'number') {
    const number = (box) => (box.validity.badInput ? 'no number' : box.value === '' ? field.value : numberOf(box.value));
    return el('input', { id, type: 'number', min: field.low, max: field.high, step: field.step ?? 'any', value: value ?? '', placeholder: field.value ?? '', autocomplete: 'off', oninput: (event) => set(field.name, number(event.target), false) });
  }
  return el('input', { id, type: 'text', value: value ?? '', oninput: (event) => set(field.name, event.target.value, false) });
}

/** A button that takes a picture from a file, and shows it. */
function picture(id, value, field, set) {
  const file = el('input', { type: 'file', accept: 'image/*', hidden: true, onchange: async () => {
    try {
      if (file.files[0]) set(field.name, (await images.upload(file.files[0])).id, true);
    } catch (problem) {
      complain(problem);
    }
  } });
  const shown = value ? el('img', { src: images.thumb(value), alt: '' }) : icon('picture');
  return el('span.step-picture', {}, el('button.action', { id, type: 'button', onclick: () => file.click() }, shown, value ? t('Change') : t('Choose a picture')), file);
}

/**
 * The form's own: it holds the chain as text.
 * @param {HTMLElement} root
 * @param {(text: string) => void} take
 * @returns {import('./page-types.d.ts').Field}
 */
export function chainField(root, take) {
  const editor = chainEditor(facts.steps, take, () => (state.mode !== 'txt2img' && state.source.image) || state.shown || state.images[0]?.id);
  $('.host', root).append(editor.root);
  return { show: editor.show, held: () => undefined };
}
