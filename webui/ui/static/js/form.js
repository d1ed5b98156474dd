// The form: its memory, its presets, filling it, and saying what is wrong with it. Gradio holds the values; these functions run in its events.

import { images as imagesApi, page } from './api.js';
import { $, $$, el } from './dom.js';
import { forget, store, stored } from './memory.js';
import { draw, inStudio, MODES, parts, shownImage, state } from './state.js';
import { complain, toast } from './toast.js';
import { go } from './tabs.js';
import { summarise } from './folds.js';

const PRESETS = { '1:1': [1, 1], '4:3': [4, 3], '3:2': [3, 2], '16:9': [16, 9], '3:4': [3, 4], '2:3': [2, 3], '9:16': [9, 16] };
const NATIVE = ['width', 'height', 'steps', 'sampler', 'schedule', 'guidance'];

export const form = { names: [], defaults: {}, labels: {}, folds: {}, native: {}, values: {} };

// ---------------------------------------------------------------------------------------------------------- memory
/** Gradio's load event: what the browser remembers, else the defaults. */
export function restore(start) {
  Object.assign(form, start);
  const old = stored('form', {});
  const values = form.names.map((name) => old[name] ?? form.defaults[name]);
  remember(values);
  adopt(form.values.checkpoint, false);
  return values;
}

/** Every change of the form ends here. */
export function remember(values) {
  const before = form.values;
  form.values = Object.fromEntries(form.names.map((name, n) => [name, values[n]]));
  store('form', form.values);
  state.noCheckpoint = !form.values.checkpoint;
  if (before.prompt !== form.values.prompt) parts['prompt-tools']?.typed?.(form.values.prompt);
  if (before.checkpoint && before.checkpoint !== form.values.checkpoint) adopt(form.values.checkpoint, true);
  summarise(form);
  draw();
}

export function resetForm() {
  forget('form');
  fill({ ...form.defaults, ...form.native });
  toast('Form reset');
}

/** A checkpoint's own size, steps and sampler take the place of the last one's, where the user changed nothing. */
async function adopt(checkpoint, changeFields) {
  const old = form.native;
  form.native = (await page.native(checkpoint ?? '').catch(() => null)) ?? old;  // a mistyped name changes nothing
  if (!changeFields) return;
  fill(Object.fromEntries(NATIVE.filter((name) => form.values[name] === old[name] && old[name] !== form.native[name]).map((name) => [name, form.native[name]])));
}

// ---------------------------------------------------------------------------------------------------------- size
/** Width and height of an aspect preset: as many pixels as the checkpoint was made for. */
export function sizeOf(name) {
  const { width = 512, height = 512 } = form.native;
  const [a, b] = PRESETS[name];
  const step = Math.min(width, height) >= 512 ? 32 : 16;
  const side = (part, other) => Math.max(64, Math.round(Math.sqrt((width * height * part) / other) / step) * step);
  return [side(a, b), side(b, a)];
}

export const ratioOf = (width, height) => Object.keys(PRESETS).find((name) => String(sizeOf(name)) === String([width, height])) ?? null;
export const swapped = (width, height) => [height, width, ratioOf(height, width)];

/** The form takes the shape of a picture to start from, so that nothing is squeezed; a large photo is brought to the checkpoint's own area. */
export function fitSize(width, height) {
  const own = form.native.width * form.native.height;
  const scale = width * height > own * 2 ? Math.sqrt(own / (width * height)) : 1;
  const step = scale < 1 ? 16 : 8;
  const side = (n) => Math.min(4096, Math.max(64, Math.round((n * scale) / step) * step));
  return { width: side(width), height: side(height) };
}

// ---------------------------------------------------------------------------------------------------------- filling
export const merged = (patch, ...values) => form.names.map((name, n) => (name in patch && patch[name] !== undefined ? patch[name] : values[n]));

/** Put values into Gradio's fields in one event, in the browser. */
export function fill(values) {
  if (!Object.keys(values).length || !parts.patch) return;
  const sized = 'width' in values || 'height' in values;
  const all = { ...form.values, ...values };
  parts.patch.props.value = sized ? { ...values, ratio: ratioOf(all.width, all.height) } : values;
  parts.patch.trigger('input');
}

/** Fill the form with a request. Fields that this page does not have are left out and named. */
export async function useRequest(request, { say = 'Parameters filled in', keepBatch = true } = {}) {
  try {
    const { mode, init, mask, batch_count, batch_size, ...rest } = request;
    const values = await page.values(keepBatch ? rest : { ...rest, batch_count: batch_count ?? 1, batch_size: batch_size ?? 1 });
    if (rest.hires === null || rest.hires === undefined) values['hires.enabled'] = false;
    useValues(values, say);
    if (!inStudio()) go(MODES.includes(mode) ? mode : 'txt2img');
  } catch (problem) {
    complain(problem);
  }
}

/** Fill the form with values by field name. */
export function useValues(values, say = 'Parameters filled in') {
  const unknown = Object.keys(values).filter((name) => !form.names.includes(name) && !['mode', 'init', 'mask'].includes(name));
  fill(Object.fromEntries(Object.entries(values).filter(([name, value]) => form.names.includes(name) && value !== null)));
  toast(unknown.length ? `${say}. Left out: ${unknown.join(', ')}.` : say);
}

export const reuse = (image) => useRequest({ ...image.request, seed: image.seed ?? image.request.seed });
export const lastSeed = (seed) => shownImage()?.seed ?? seed;

/** The same picture again, with the second pass on. */
export async function secondPass(image) {
  const hires = image.request.hires ?? { scale: 2, strength: 0.5 };
  await useRequest({ ...image.request, seed: image.seed ?? image.request.seed, mode: 'txt2img', hires }, { say: 'Second pass, same seed' });
  go('txt2img');
  setTimeout(() => $('#generate').click(), 300);
}

// ---------------------------------------------------------------------------------------------------------- the picture to start from
export function setSource(image) {
  clearErrors();
  state.source = image ? { image: image.id, width: image.width, height: image.height } : {};
  for (const part of Object.values(parts)) part.sourceChanged?.();
  if (image) {
    const wanted = fitSize(image.width, image.height);
    if (wanted.width !== form.values.width || wanted.height !== form.values.height) {
      fill(wanted);
      toast(`Size set to ${wanted.width} × ${wanted.height}, the picture's shape`);
    }
  }
  draw();
}

export function sendTo(mode, image) {
  go(mode);
  $('#form-fields')?.scrollTo({ top: 0 });
  setSource(image);
}

export async function upload(file) {
  try {
    setSource({ ...(await imagesApi.upload(file)) });
  } catch (problem) {
    fieldError('init', problem.message);
  }
}

// ---------------------------------------------------------------------------------------------------------- generate
let sending = false;

/** Gradio's click on Generate. The button is never disabled: each click is one more job. */
export async function generate(values) {
  remember(values);
  clearErrors();
  if (!inStudio()) go(state.mode);
  if (!state.online) return void toast('Not connected. Your settings are kept.', null, 'error');
  if (sending) await sending;
  sending = submit().finally(() => { sending = false; });
  await sending;
}

async function submit() {
  try {
    const { ratio, ...values } = form.values;
    const mask = state.mode === 'inpaint' ? await parts.mask.id() : null;
    const { job } = await page.generate({ ...values, mode: state.mode, init: state.source.image ?? null, mask });
    parts.run.submitted(job);
  } catch (problem) {
    parts.run?.refused?.();
    if (problem.field) fieldError(problem.field, problem.message);
    else complain(problem);
  }
}

export function clearErrors() {
  $$('.field-error').forEach((node) => node.remove());
  $$('[aria-invalid=true]').forEach((node) => node.removeAttribute('aria-invalid'));
}

const PLACES = { init: 'source', mask: 'stage-note' };

/** Say what is wrong under the field itself, open its fold, move the focus there, and take it back at the next edit. */
export function fieldError(name, text) {
  clearErrors();
  openFoldOf(name);
  requestAnimationFrame(() => setTimeout(() => {
    const field = document.getElementById(PLACES[name] ?? name.replaceAll('.', '-'));
    if (!field || !field.offsetParent && name !== 'mask') return toast(text, null, 'error');
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

function openFoldOf(name) {
  const fold = Object.keys(form.folds).find((key) => form.folds[key].includes(name));
  const head = fold && $(`#fold-${CSS.escape(fold)} > button.label-wrap`);
  if (head && !head.classList.contains('open')) head.click();
}
