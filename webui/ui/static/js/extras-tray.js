// @ts-check
/** @import { PageImage } from './page-types.d.ts' */
// The pictures that Extras is to finish, put there by a drop or from the gallery before its tab was ever open.

import { images } from './api.js';
import { writeSteps } from './finish-steps.js';
import { some } from './format.js';
import { parts } from './state.js';
import { store } from './storage.js';
import { go } from './tabs.js';
import { toast } from './toast.js';
import { sentence } from './toast-stack.js';

/** @type {PageImage[]} */
export const tray = [];

/**
 * Put pictures into the tray, each once.
 * @param {...PageImage} images
 */
export function put(...images) {
  for (const image of images) if (!tray.some((each) => each.id === image.id)) tray.push(image);
  parts.extras?.changed?.();
}

/**
 * Upload files and put them there; of those that are no pictures it is said.
 * @param {File[]} files
 */
export async function putFiles(files) {
  /** @type {string[]} */
  const refused = [];
  for (const file of files) {
    try {
      put(await images.upload(file));
    } catch (problem) {
      refused.push(`${file.name}: ${sentence(problem)}`);
    }
  }
  if (refused.length) toast(some(refused, 3), { kind: 'error' });
}

/** @param {PageImage} image */
export function takeOut(image) {
  const at = tray.findIndex((each) => each.id === image.id);
  if (at >= 0) tray.splice(at, 1);
  parts.extras?.changed?.();
}

/** @param {PageImage} image */
export function sendToExtras(image) {
  put(image);
  go('extras');
}

/**
 * Open Extras with the steps that a job was done with.
 * @param {import('./finish-steps.js').Step[]} steps
 */
export function useSteps(steps) {
  store('extras', writeSteps(steps));
  parts.extras?.stepsChanged?.();
  go('extras');
}

/**
 * The picture that Extras made another one of.
 * @param {PageImage & {source?: string | null}} image
 * @returns {string | null}
 */
export const sourceOf = (image) => image.source ?? (image.request?.mode === 'extras' ? image.request.inputs?.[image.index] ?? null : null);
