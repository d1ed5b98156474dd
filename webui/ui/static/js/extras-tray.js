// @ts-check
/** @import { PageImage } from './page-types.d.ts' */
// The pictures that Extras is to finish, put there by a drop or from the gallery before its tab was ever open.

import { writeSteps } from './finish-steps.js';
import { parts } from './state.js';
import { store } from './storage.js';
import { go } from './tabs.js';

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
