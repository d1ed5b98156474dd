// @ts-check
// What the form's values become, worked out without the page: sizes, what a filled-in request leaves as it is, what was typed before the load event.

/** @import { FormFacts, Mode, PageImage, Value, Values } from './page-types.d.ts' */
/** @typedef {{width: number, height: number}} Size */

/** @type {Record<string, [number, number]>} */
const PRESETS = { '1:1': [1, 1], '4:3': [4, 3], '3:2': [3, 2], '16:9': [16, 9], '3:4': [3, 4], '2:3': [2, 3], '9:16': [9, 16] };
const SMALLEST = 64, LARGEST = 4096;
/** What a checkpoint brings along. */
export const NATIVE = ['width', 'height', 'steps', 'sampler', 'schedule', 'guidance'];
// What stays as it is where a picture does not say it: which checkpoint, how many, how exactly this machine counts.
const KEPT = /^(checkpoint|ratio|batch_.*|dtype|noise_source|deterministic)$/;
// What only the other tabs have: a picture that was made from none says nothing of it.
const OF_SOURCES = /^(strength|resize_mode|init_upscaler|fill|padding|mask_blur|mask_round|mask_weight|only_masked|invert_mask|soft_inpaint\..*|outpaint\..*|image_guidance)$/;
const NO_FIELDS = ['mode', 'init', 'mask'];

// ---------------------------------------------------------------------------------------------------------- reading
/**
 * Values by field name; '' stays nothing where the untouched field holds nothing.
 * @param {FormFacts} form
 * @param {Value[]} values
 * @param {string[]} names of the fields that they are of
 * @returns {Values}
 */
export const named = (form, values, names = form.names) => Object.fromEntries(names.map((name, n) => [name, said(form, name, values[n])]));

/** @type {(form: FormFacts, name: string, value: Value) => Value} */
const said = (form, name, value) => (value === undefined || (value === '' && form.shown[name] == null) ? null : value);

/** @type {(a: Value, b: Value) => boolean} */
export const same = (a, b) => String(a ?? '') === String(b ?? '');

/**
 * What the form shall hold at the start: what the browser remembers, else the defaults. Who was quicker keeps what was typed.
 * @param {FormFacts} form
 * @param {Values} old
 * @param {Value[]} values as they are now
 * @returns {Value[]}
 */
export const restored = (form, old, values) =>
  form.names.map((name, n) => (same(values[n], form.shown[name]) ? (name in old ? old[name] : form.defaults[name]) : values[n]));

/** @type {(values: Record<string, any>, ...names: string[]) => Record<string, any>} */
export const without = (values, ...names) => Object.fromEntries(Object.entries(values).filter(([name]) => !names.includes(name)));

// ---------------------------------------------------------------------------------------------------------- filling
/**
 * What a request or a picture means that does not say so: every field of ours as it stands in an untouched form, but for what it need not say.
 * @param {FormFacts} form
 * @param {string | undefined} mode
 * @returns {Values}
 */
export function unsaid(form, mode) {
  const kept = (/** @type {string} */ name) => KEPT.test(name) || (mode === 'txt2img' && OF_SOURCES.test(name));
  const native = /** @type {Values} */ (form.native);
  return Object.fromEntries(form.names.filter((name) => !kept(name)).map((name) => [name, native[name] ?? form.shown[name] ?? null]));
}

/**
 * Of a picture's values: those that the form takes, and the names of those that it does not have.
 * @param {FormFacts} form
 * @param {Values} values
 */
export function sorted(form, values) {
  const has = (/** @type {string} */ name) => form.names.includes(name);
  const known = Object.entries(values).filter(([name, value]) => has(name) && (value !== null || !KEPT.test(name)));
  return { known: Object.fromEntries(known), unknown: Object.keys(values).filter((name) => !has(name) && !NO_FIELDS.includes(name)) };
}

/**
 * The values of another checkpoint that take the place of the last one's: where the user changed nothing, and nothing was filled in with it.
 * @param {Values} values
 * @param {Values} old the last checkpoint's own
 * @param {Values} own this one's
 * @param {string[]} kept
 * @returns {Values}
 */
export function adopted(values, old, own, kept) {
  const free = NATIVE.filter((name) => !kept.includes(name) && values[name] === old[name] && old[name] !== own[name]);
  return Object.fromEntries(free.map((name) => [name, own[name]]));
}

// ---------------------------------------------------------------------------------------------------------- size
/**
 * Width and height of an aspect preset: as many pixels as the checkpoint was made for.
 * @param {FormFacts['native']} native
 * @param {string} name
 * @returns {[number, number]}
 */
export function sizeOf({ width = 512, height = 512 }, name) {
  const [a, b] = PRESETS[name];
  const step = Math.min(width, height) >= 512 ? 32 : 16;
  /** @type {(part: number, other: number) => number} */
  const side = (part, other) => Math.max(SMALLEST, Math.round(Math.sqrt((width * height * part) / other) / step) * step);
  return [side(a, b), side(b, a)];
}

/**
 * The preset that has this size; null when none has.
 * @param {FormFacts['native']} native
 * @param {Value} width
 * @param {Value} height
 */
export const ratioOf = (native, width, height) => Object.keys(PRESETS).find((name) => String(sizeOf(native, name)) === String([width, height])) ?? null;

/**
 * The size that the form can hold nearest to a picture's shape, so that nothing is squeezed.
 * @param {Size} picture
 * @param {number} [scale]
 * @returns {Size}
 */
export function sizeLike({ width, height }, scale = 1) {
  const most = Math.min(scale, LARGEST / Math.max(width, height));
  const side = (/** @type {number} */ n) => Math.min(LARGEST, Math.max(SMALLEST, Math.floor((n * most) / 8 + 0.5) * 8));
  return { width: side(width), height: side(height) };
}

/**
 * What was made here keeps its size, enlarged or not. A large photo is brought to the checkpoint's own area: `shrunk`.
 * @param {FormFacts['native']} native
 * @param {PageImage} image
 */
export function sourceSize({ width = 512, height = 512 }, image) {
  const own = width * height, area = image.width * image.height;
  const shrunk = image.kind === 'upload' && area > own * 2;
  return { ...sizeLike(image, shrunk ? Math.sqrt(own / area) : 1), shrunk };
}

/**
 * What a size is of a picture's: 1.5 for one and a half times as large; nothing where its shape is another.
 * @param {Size} picture
 * @param {Value} width
 * @param {Value} height
 * @returns {number | null}
 */
export function scaleBetween(picture, width, height) {
  if (!width || !height) return null;
  const scale = Math.round((Number(width) / picture.width) * 100) / 100;
  const near = [scale, Math.round((Number(height) / picture.height) * 100) / 100];
  const { width: wide, height: high } = sizeLike(picture, scale);
  return (wide === Number(width) && high === Number(height)) || near[0] === near[1] ? scale : null;
}

/** What was typed as a factor: 0.25 to 4, with a comma or a point; nothing for what is none. @param {string} text */
export function factorIn(text) {
  const factor = Number(text.trim().replace(',', '.').replace(/\s*[×x]$/i, ''));
  return text.trim() && factor >= 0.25 && factor <= 4 ? factor : null;
}
