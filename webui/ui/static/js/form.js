// @ts-check
// The form: its memory, its presets, filling it, and saying what is wrong with it.

import { images as imagesApi, page } from './api.js';
import { $, $$, el } from './dom.js';
import { facts } from './facts.js';
import { commitFields, fields, findFields } from './fields.js';
import { t } from './language.js';
import { forget, store, stored } from './storage.js';
import { draw, inStudio, MODES, parts, shownImage, state } from './state.js';
import { complain, toast } from './toast.js';
import { go } from './tabs.js';
import { summarise } from './folds.js';
import { adopted, named, NATIVE, ratioOf as ratioIn, restored, sizeLike, sizeOf as sizeIn, sorted, sourceSize, unsaid, without } from './form-values.js';
import { size } from './format.js';

/** @type {import('./page-types.d.ts').FormFacts} */
export const form = { names: [], defaults: {}, shown: {}, labels: {}, folds: {}, native: {}, values: {} };

// ---------------------------------------------------------------------------------------------------------- memory
/** Bring the form to life: what the browser remembers, else the defaults. Who was quicker keeps what was typed. */
export function startForm() {
  const { names, defaults, shown, labels, folds, native } = facts;
  Object.assign(form, { names, defaults, shown, labels, folds, native });
  findFields(edited);
  const typed = names.map((name) => fields.get(name)?.held() ?? shown[name]);
  const values = restored(form, stored('form', {}), typed);
  chosenPlace = String(values[names.indexOf('where')] ?? '');
  names.forEach((name, n) => fields.get(name)?.show(values[n]));
  take(named(form, values));
  adopt(form.values.checkpoint, false);
  const press = (/** @type {string} */ id, /** @type {() => unknown} */ act) => { $(id).onclick = act; };
  press('#generate', generate);
  press('#refresh', () => lists(true));
  press('#dice', () => fill({ seed: -1 }));
  press('#reuse-seed', () => fill({ seed: shownImage()?.seed ?? form.values.seed }));
  press('#swap', () => fill({ width: form.values.height, height: form.values.width }));
}

/** Somebody has changed a field. @param {string} name @param {any} value */
function edited(name, value) {
  if (name === faulty) clearErrors();
  const change = named(form, [value], [name]);
  if (name === 'ratio') return fill(sizeNamed(String(value)));
  if (name === 'width' || name === 'height') {
    const { width, height } = { ...form.values, ...change };
    change.ratio = ratioIn(form.native, width, height);
    fields.get('ratio')?.show(change.ratio);
  }
  take({ ...form.values, ...change });
}

function sizeNamed(ratio) {
  const [width, height] = sizeIn(form.native, ratio);
  return { width, height };
}

/** Every change of the form ends here. */
function take(values) {
  const before = form.values;
  form.values = values;
  store('form', form.values);
  state.noCheckpoint = !form.values.checkpoint;
  if (before.prompt !== form.values.prompt) parts['prompt-tools']?.typed?.(form.values.prompt);
  const moved = before.where !== undefined && before.where !== form.values.where;
  if (moved) placed(String(form.values.where ?? ''));
  if ((before.checkpoint && before.checkpoint !== form.values.checkpoint) || moved) {
    adopt(form.values.checkpoint, true, filled.checkpoint === form.values.checkpoint ? Object.keys(filled).filter((name) => !usual.has(name)) : []);
    filled = {};
    usual = new Set();
  }
  summarise(form);
  draw();
}

export function resetForm() {
  const before = everything();
  forget('form');
  fill({ ...form.defaults, ...form.native });
  toast(t('Form reset'), { action: wayBack(before) });
}

let adopting = Promise.resolve();
let adoptions = 0;

/** A checkpoint's own size, steps and sampler take the place of the last one's, where the user changed nothing; `kept` was filled in with it. */
function adopt(checkpoint, changeFields, kept = []) {
  const mine = ++adoptions;
  const asked = page.native(checkpoint ?? '', String(form.values.where ?? '')).catch(complain);
  adopting = adopting.then(async () => {
    const told = await asked;  // nothing for a mistyped name
    if (!told || (changeFields && mine !== adoptions)) return;  // chosen again meanwhile: the fields still hold the one before
    const { unsupported = [], place = '', accepted = true, ...own } = told;
    greyOut(unsupported);
    state.place = { where: String(form.values.where ?? ''), told: place, accepted };
    draw();
    const old = form.native;
    form.native = own;
    if (changeFields) fill(adopted(form.values, old, own, kept));
  });
}

const greys = new CSSStyleSheet();
document.adoptedStyleSheets = [...document.adoptedStyleSheets, greys];

/** What a checkpoint's family cannot do stays visible, and cannot be used. A rule, so that it holds whatever else is done to them. */
function greyOut(ids) {
  greys.replaceSync(ids.length ? `:is(${ids.map((id) => `#${id}`).join(', ')}) { opacity: .4; pointer-events: none; }` : '');
}

/** Names that are words of ours, as a list shows them. @type {Record<string, string>} */
const SHOWN = { Automatic: t('Automatic'), None: t('None'), 'Use the same': t('Use the same'), auto: t('auto'), here: t('here') };
/** @type {(name: string) => [string, string]} */
const choiceOf = (name) => [SHOWN[name] ?? name, name];

/** The drop-downs' lists, as they are now on the server; `again` looks into the model folders first. */
export async function lists(again = false) {
  try {
    const where = String(form.values.where ?? '');
    const told = await (again ? page.lookAgain(where) : page.lists(where));
    if (again) parts.shelf?.changed();
    document.body.classList.toggle('has-places', (told.where ?? []).length > 2);
    for (const [name, names] of Object.entries(told)) fields.get(name)?.choices?.(names.map(choiceOf));
  } catch (problem) {
    complain(problem);
  }
}

let chosenPlace = '';

/** Another place has other models: their list, and the first of them where the chosen one is not there. */
async function placed(where) {
  if (where === chosenPlace) return;
  chosenPlace = where;
  try {
    const { checkpoint: names } = await page.lists(where);
    if (where !== chosenPlace) return;
    fields.get('checkpoint')?.choices?.(names.map(choiceOf));
    if (!names.includes(String(form.values.checkpoint))) fill({ checkpoint: names[0] ?? '' });
  } catch (problem) {
    complain(problem);
  }
}

// ---------------------------------------------------------------------------------------------------------- size
/** So many times as large as the picture to start from. */
export function resizeBy(factor) {
  const { width, height } = state.source;
  if (width && height) fill(sizeLike({ width, height }, factor));
}

/** The form takes the shape of a picture to start from; what was shrunk is said. */
function fitSource(image) {
  const { shrunk, ...wanted } = sourceSize(form.native, image);
  const change = wanted.width !== form.values.width || wanted.height !== form.values.height;
  if (change) fill(wanted);
  if (shrunk) {
    const whole = sizeLike(image);
    toast(t('The picture is {size}. It is brought to {native}, what this checkpoint was made for.', { size: size(image.width, image.height), native: size(wanted.width, wanted.height) }),
      { action: { label: t('Keep {size}', { size: size(whole.width, whole.height) }), run: () => fill(whole) } });
  } else if (change) toast(wanted.width === image.width && wanted.height === image.height
    ? t("Size set to {size}, the picture's own", { size: size(wanted.width, wanted.height) }) : t("Size set to {size}, the picture's shape", { size: size(wanted.width, wanted.height) }));
}

// ---------------------------------------------------------------------------------------------------------- filling
let filled = {};   // filled in last
let usual = new Set();  // of that, what is the checkpoint's own and goes with it
let wishes = 0;

/** Put values into the form's fields; those that it does not have are passed over. */
export function fill(values) {
  /** @type {import('./page-types.d.ts').Values} */
  const known = Object.fromEntries(Object.entries(values).filter(([name]) => fields.has(name)));
  if (!Object.keys(known).length) return;
  for (const name of Object.keys(known)) usual.delete(name);
  const { width, height } = { ...form.values, ...known };
  if ('width' in known || 'height' in known) known.ratio = ratioIn(form.native, width, height);
  filled = known;
  for (const [name, value] of Object.entries(known)) fields.get(name)?.show(value);
  take({ ...form.values, ...named(form, Object.values(known), Object.keys(known)) });
}

/** `take` what was asked of the server into the form, unless something else was wished meanwhile. Nothing if it failed or came too late. */
export async function fillFrom(asked, take) {
  const mine = ++wishes;
  try {
    const told = await asked;
    return mine === wishes ? take(told) : null;
  } catch (problem) {
    complain(problem);
    return null;
  }
}

/** The whole form as it is, and the picture that it starts from. */
const everything = () => ({ values: { ...form.values }, source: state.source, mode: state.mode });

/** A toast's offer to put the form back as it was. */
const wayBack = ({ values, source, mode }) => ({
  label: t('Undo'),
  run: () => {
    wishes += 1;  // what is still being asked for comes too late
    clearErrors();
    fill(values);
    changeSource(source);
    if (inStudio() && mode !== state.mode) go(mode);
    draw();
  },
});

/** Fill the form with a request; gives what was filled in. Fields that this page does not have are left out and named. */
export function useRequest(request, { say = t('Parameters filled in'), keepBatch = true } = {}) {
  const { mode, batch_count, batch_size } = request;
  const rest = without(request, 'mode', 'init', 'mask', 'batch_count', 'batch_size');
  const asked = page.values(keepBatch ? rest : { ...rest, batch_count: batch_count ?? 1, batch_size: batch_size ?? 1 });
  return fillFrom(asked, (values) => {
    const before = everything();
    if (!inStudio()) go(MODES.includes(mode) ? mode : 'txt2img');
    return useValues(values, { say, before, mode });
  });
}

/** Fill the form with a picture's values by field name: what they do not say is set back too. Gives those that the form has; the toast offers the way back. */
export function useValues(values, { say = t('Parameters filled in'), before = everything(), mode = 'txt2img' } = {}) {
  wishes += 1;
  const { known: said, unknown } = sorted(form, values);
  const known = { ...unsaid(form, mode), ...said };
  fill(known);
  usual = new Set(NATIVE.filter((name) => !(name in said)));
  toast(unknown.length ? t('{say}. Left out: {unknown}.', { say, unknown: unknown.join(', ') }) : say, { action: wayBack(before) });
  return known;
}

/** Some values of a picture and nothing else, with the way back. */
export function takeValues(values, say) {
  const before = everything();
  wishes += 1;
  clearErrors();
  fill(values);
  toast(say, { action: wayBack(before) });
}

/** A picture's values as the form has them, for who wants to look at them. */
export const valuesOf = async (image) => {
  const { mode, ...request } = image.request ?? {};
  return { mode, values: image.request ? { ...(await page.values(request)), ...(image.seed == null ? {} : { seed: image.seed }) } : {} };
};

export const reuse = (image) => useRequest({ ...image.request, seed: image.seed ?? image.request.seed });

/** The same picture again, with the second pass on. */
export async function secondPass(image) {
  const hires = image.request.hires ?? { scale: 2, strength: 0.5 };
  const values = await useRequest({ ...image.request, seed: image.seed ?? image.request.seed, mode: 'txt2img', hires }, { say: t('Second pass, same seed') });
  if (!values) return;
  go('txt2img');
  clearErrors();
  send(form.values, 'txt2img');
}

// ---------------------------------------------------------------------------------------------------------- the picture to start from
let sources = 0;

/** Another picture, and nothing else of the form. */
export function changeSource(source) {
  sources += 1;
  state.source = source;
  for (const part of Object.values(parts)) part.sourceChanged?.();
  draw();
}

export function setSource(image) {
  clearErrors();
  changeSource(image ? { image: image.id, width: image.width, height: image.height } : {});
  if (!image) return;
  if (state.tab === 'inpaint') state.view = 'mask';
  fitSource(image);
}

export function sendTo(mode, image) {
  go(mode);
  $('#form-fields')?.scrollTo({ top: 0 });
  setSource(image);
}

/**
 * Start from a file, in the mode where we are or in another; of two, from the one chosen last.
 * @param {File} file
 * @param {string | null} [mode]
 */
export async function upload(file, mode = null) {
  const mine = ++sources;
  try {
    const image = await imagesApi.upload(file);
    if (mine !== sources) return;
    if (mode) sendTo(mode, image);
    else setSource(image);
  } catch (problem) {
    if (mode) complain(problem);
    else if (mine === sources) fieldError('init', problem.message);
  }
}

// ---------------------------------------------------------------------------------------------------------- generate
let line = Promise.resolve();

/** A click on Generate. The button is never disabled: each click is one more job, of what the form said at that click. */
function generate() {
  commitFields();
  clearErrors();
  if (!inStudio()) go(state.mode);
  if (state.online && parts.vary?.active()) parts.vary.make();
  else if (state.online) send(form.values, state.mode);
  else toast(t('Not connected. Your settings are kept.'), { kind: 'error' });
}

/** What the form would generate now, with what is painted on the canvas (a promise). */
export async function formRequest() {
  const values = { ...form.values, ratio: undefined, mode: state.mode, init: state.source.image ?? null, mask: null };
  return state.mode === 'txt2img' ? values : { ...values, ...(await parts.mask?.sources()) };
}

/** Choose a checkpoint, and generate with it what the form says: its own size and steps go with it, as when somebody chooses it. Once for each key. */
export async function generateWith(checkpoint, key) {
  if (form.values.checkpoint !== checkpoint) {
    await lists();
    fill({ checkpoint });
  }
  await adopting;
  const { values, mode } = everything();
  if (!inStudio()) go(mode);
  send(values, mode, key);
}

function send(values, mode, key = '') {
  const request = { ...values, ratio: undefined, mode, init: state.source.image ?? null };
  const painted = mode === 'txt2img' ? null : parts.mask.sources();  // the canvas of now: painting may go on while others are sent
  painted?.catch(() => {});  // told when it is this one's turn
  line = line.then(() => submit(request, painted, key));
}

async function submit(request, painted, key) {
  try {
    const { job } = await page.generate({ ...request, mask: null, ...(await painted) }, key);
    parts.run.submitted(job);
  } catch (problem) {
    parts.run?.refused?.();
    if (key && problem.status === 409) return;  // another window has made it, from what is typed there
    if (problem.field) fieldError(problem.field, problem.message);
    else complain(problem);
  }
}

let errors = 0;
let faulty = '';  // the field that something is said at

export function clearErrors() {
  errors += 1;
  faulty = '';
  $$('.field-error').forEach((node) => node.remove());
  $$('[aria-invalid=true]').forEach((node) => node.removeAttribute('aria-invalid'));
}

const PLACES = { init: 'source', mask: 'stage-note' };

/** Say what is wrong under the field itself, open its fold, move the focus there, and take it back at the next edit. */
export function fieldError(name, text) {
  clearErrors();
  if (name !== 'mask') parts.dock?.reveal();
  openFoldOf(name);
  faulty = name;
  const mine = errors;
  requestAnimationFrame(() => setTimeout(() => {
    if (mine !== errors) return;  // another one, or taken back already
    const field = document.getElementById(PLACES[name] ?? name.replaceAll('.', '-'));
    if (!field || !field.offsetParent && name !== 'mask') return toast(text, { kind: 'error' });
    const input = $('input:not([type=file]), textarea, button', field);
    const note = el('p.field-error', { id: `${field.id}-error`, role: 'alert' }, text);
    (field.closest('#form-fields .row') ?? field).after(note);
    input?.setAttribute('aria-invalid', 'true');
    input?.setAttribute('aria-describedby', note.id);
    input?.focus();
    note.scrollIntoView({ block: 'nearest' });
    field.addEventListener('input', clearErrors, { once: true });
  }, 60));
}

/** Open the fold that a field is in, if it is in one. */
export function openFoldOf(name) {
  const fold = Object.keys(form.folds).find((key) => form.folds[key].includes(name));
  const head = fold && $(`#fold-${CSS.escape(fold)} > button.label-wrap`);
  if (head && head.ariaExpanded !== 'true') head.click();
}
