// @ts-check
// The form: its memory, its presets, filling it, and saying what is wrong with it. Gradio holds the values; these functions run in its events.

import { images as imagesApi, page } from './api.js';
import { $, $$, el } from './dom.js';
import { t } from './language.js';
import { forget, store, stored } from './storage.js';
import { draw, inStudio, MODES, parts, shownImage, state } from './state.js';
import { complain, toast } from './toast.js';
import { go } from './tabs.js';
import { summarise } from './folds.js';
import { adopted, named, NATIVE, ratioOf as ratioIn, restored, same, sizeLike, sizeOf as sizeIn, sorted, sourceSize, unsaid, without } from './form-values.js';
import { size } from './format.js';

/** @type {import('./page-types.d.ts').FormFacts} */
export const form = { names: [], defaults: {}, shown: {}, labels: {}, folds: {}, native: {}, values: {} };

// ---------------------------------------------------------------------------------------------------------- memory
/** Gradio's load event: what the browser remembers, else the defaults. Who was quicker than this event keeps what was typed. */
export function restore(start, values) {
  Object.assign(form, start);
  values = form.names.map((name, n) => (name in early ? early[name] : values[n]));
  const wanted = restored(form, stored('form', {}), values);
  take(named(form, wanted));
  adopt(form.values.checkpoint, false);
  chosenPlace = String(form.values.where ?? '');
  return wanted.map((value, n) => (same(value, values[n]) ? undefined : value));
}

/** @type {import('./page-types.d.ts').Values} */
const early = {};  // changed before the load event, which takes it in

/** Gradio's event of some fields: their values as they are now. */
export function changed(names, values) {
  if (form.names.length) take({ ...form.values, ...named(form, values, names) });
  else names.forEach((name, n) => { early[name] = values[n]; });
}

/** Every change of the form ends here. */
function take(values) {
  const before = form.values;
  form.values = values;
  store('form', form.values);
  state.noCheckpoint = !form.values.checkpoint;
  if (before.prompt !== form.values.prompt) parts['prompt-tools']?.typed?.(form.values.prompt);
  const moved = before.where !== undefined && before.where !== form.values.where;
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

/** What a checkpoint's family cannot do stays visible, and cannot be used. A rule, because a closed fold has no elements yet. */
function greyOut(ids) {
  greys.replaceSync(ids.length ? `:is(${ids.map((id) => `#${id}`).join(', ')}) { opacity: .4; pointer-events: none; }` : '');
}

/** Names that are words of ours, as a list shows them. @type {Record<string, string>} */
const SHOWN = { Automatic: t('Automatic'), None: t('None'), 'Use the same': t('Use the same'), auto: t('auto'), here: t('here') };
const choiceOf = (name) => [SHOWN[name] ?? name, name];

/** The drop-downs' lists, as they are now on the server; `again` looks into the model folders first. */
export async function lists(again = false) {
  try {
    const where = String(form.values.where ?? '');
    const told = await (again ? page.lookAgain(where) : page.lists(where));
    if (again) parts.shelf?.changed();
    document.body.classList.toggle('has-places', (told.where ?? []).length > 2);
    return Object.values(told).map((names) => ({ __type__: 'update', choices: names.map(choiceOf) }));
  } catch (problem) {
    complain(problem);
    return [];
  }
}

let chosenPlace = '';

/** Another place has other models: their list, and the first of them where the chosen one is not there. */
export async function placed(where, checkpoint) {
  if (!form.names.length || where === chosenPlace) return undefined;
  chosenPlace = where;
  try {
    const { checkpoint: names } = await page.lists(where);
    const value = names.includes(checkpoint) || where !== chosenPlace ? checkpoint : names[0] ?? '';
    return { __type__: 'update', choices: names.map(choiceOf), ...(value === checkpoint ? {} : { value }) };
  } catch (problem) {
    complain(problem);
    return undefined;
  }
}

// ---------------------------------------------------------------------------------------------------------- size
export const sizeOf = (name) => sizeIn(form.native, name);
export const ratioOf = (width, height) => ratioIn(form.native, width, height);
export const swapped = (width, height) => [height, width, ratioOf(height, width)];

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
let waiting = {};  // filled in, not yet taken by Gradio's event
let filled = {};   // filled in last
let usual = new Set();  // of that, what is the checkpoint's own and goes with it
let wishes = 0;

/** Gradio's event for it. A field that is not in the patch stays as it is: somebody may be typing into it. */
export function merged(patch) {
  waiting = {};
  return form.names.map((name) => patch[name]);
}

/** Put values into Gradio's fields in one event, in the browser. That event reads what is there when it runs: two in a row are put together. */
export function fill(values) {
  if (!Object.keys(values).length || !parts.patch) return;
  waiting = { ...waiting, ...values };
  for (const name of Object.keys(values)) usual.delete(name);
  /** @type {import('./page-types.d.ts').Values} */
  const all = { ...form.values, ...waiting };
  if ('width' in values || 'height' in values) waiting.ratio = ratioOf(all.width, all.height);
  filled = parts.patch.props.value = waiting;
  parts.patch.trigger('input');
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
const everything = () => ({ values: { ...form.values, ...waiting }, source: state.source, mode: state.mode });

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
export const lastSeed = (seed) => shownImage()?.seed ?? seed;

/** The same picture again, with the second pass on. */
export async function secondPass(image) {
  const hires = image.request.hires ?? { scale: 2, strength: 0.5 };
  const values = await useRequest({ ...image.request, seed: image.seed ?? image.request.seed, mode: 'txt2img', hires }, { say: t('Second pass, same seed') });
  if (!values) return;
  go('txt2img');
  clearErrors();
  send({ ...form.values, ...values }, 'txt2img');  // the fields themselves change a moment later
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

/** Gradio's click on Generate. The button is never disabled: each click is one more job, of what the form said at that click. */
export function generate(values) {
  if (form.names.length) take(named(form, values));
  clearErrors();
  if (!inStudio()) go(state.mode);
  if (!form.names.length) toast(t('The page is still being loaded'));
  else if (state.online && parts.vary?.active()) parts.vary.make();
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
    const before = adoptions;
    await lists();
    fill({ checkpoint });
    await until(() => adoptions > before);
  }
  await adopting;
  const { values, mode } = everything();
  if (!inStudio()) go(mode);
  send(values, mode, key);
}

/** Wait until it is so, a frame at a time. */
async function until(isSo) {
  while (!isSo()) await new Promise((next) => { setTimeout(next, 50); });
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

export function clearErrors() {
  errors += 1;
  $$('.field-error').forEach((node) => node.remove());
  $$('[aria-invalid=true]').forEach((node) => node.removeAttribute('aria-invalid'));
}

const PLACES = { init: 'source', mask: 'stage-note' };

/** Say what is wrong under the field itself, open its fold, move the focus there, and take it back at the next edit. */
export function fieldError(name, text) {
  clearErrors();
  openFoldOf(name);
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
  if (head && !head.classList.contains('open')) head.click();
}
