// @ts-check
/** @import { PageImage, SomeRequest } from './page-types.d.ts' */
// Numbers and states in words: the same ones everywhere on the page.

import { stepWords } from './finish-steps.js';
import { count, ltr, number, t } from './language.js';

/** @type {(seconds: number) => string} */
export const clock = (seconds) =>
  seconds < 1 ? t('under 1 s') : seconds < 90 ? t('{n} s', { n: Math.round(seconds) }) : seconds < 5400 ? t('{n} min', { n: Math.round(seconds / 60) }) : t('{n} h', { n: number(seconds / 3600, 1) });

/**
 * Steps per second, or seconds per step when it is slow.
 * @type {(speed: number) => string}
 */
export const pace = (speed) => (speed >= 1 ? t('{speed} it/s', { speed: number(speed, 1) }) : speed > 0 ? t('{speed} s/it', { speed: number(1 / speed, 1) }) : '');

/** @type {(n: number) => string} */
export const bytes = (n) => (n >= 2 ** 30 ? t('{n} GB', { n: number(n / 2 ** 30, 1) }) : n >= 2 ** 20 ? t('{n} MB', { n: Math.round(n / 2 ** 20) }) : t('{n} KB', { n: Math.ceil(n / 2 ** 10) }));

export const JOB_WORDS = { running: t('Running'), queued: t('Waiting'), done: t('Done'), failed: t('Failed'), cancelled: t('Stopped') };

export { count };

/**
 * The first of some names, and how many more there are.
 * @type {(names: string[], most?: number) => string}
 */
export const some = (names, most = 5) => (names.length > most ? t('{names} and {n} more', { names: names.slice(0, most).join(', '), n: names.length - most }) : names.join(', '));

/** @type {(width: unknown, height: unknown) => string} */
export const size = (width, height) => ltr(`${width} × ${height}`);

/**
 * What a picture was made with, in one line.
 * @param {PageImage} image
 */
export function facts(image) {
  const request = image.request;
  /** @type {Array<string | false | null | undefined>} */
  const parts = [size(image.width, image.height)];
  if (image.seed != null) parts.push(t('Seed {seed}', { seed: image.seed }));
  if (request) parts.push([request.sampler, request.schedule].filter(Boolean).join(' '), t('{steps} steps', { steps: request.steps }), t('CFG {guidance}', { guidance: request.guidance }), request.hires && t('Hires. fix'));
  return parts.filter(Boolean).join(' · ');
}

/**
 * Which backend makes a request's pictures; nothing for this machine.
 * @param {SomeRequest} request
 */
export const placeOf = (request) => (!request.where || request.where === 'auto' || request.where === 'here' ? '' : t('at {where}', { where: request.where }));

/** @param {{request?: SomeRequest | null, kind?: string} | null | undefined} thing */
export const promptOf = (thing) => thing?.request?.prompt || (thing?.request?.mode === 'extras' ? t('Extras: {steps}', { steps: stepWords(thing.request.finish ?? []) }) : '') || (thing?.kind === 'upload' ? t('Uploaded picture') : t('No prompt'));
