// @ts-check
/** @import { PageImage, SomeRequest } from './page-types.d.ts' */
// Numbers and states in words: the same ones everywhere on the page.

import { stepWords } from './finish-steps.js';

/** @type {(seconds: number) => string} */
export const clock = (seconds) =>
  seconds < 1 ? 'under 1 s' : seconds < 90 ? `${Math.round(seconds)} s` : seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;

/**
 * Steps per second, or seconds per step when it is slow.
 * @type {(speed: number) => string}
 */
export const pace = (speed) => (speed >= 1 ? `${speed.toFixed(1)} it/s` : speed > 0 ? `${(1 / speed).toFixed(1)} s/it` : '');

/** @type {(n: number) => string} */
export const bytes = (n) => (n >= 2 ** 30 ? `${(n / 2 ** 30).toFixed(1)} GB` : n >= 2 ** 20 ? `${Math.round(n / 2 ** 20)} MB` : `${Math.ceil(n / 2 ** 10)} KB`);

export const JOB_WORDS = { running: 'Running', queued: 'Waiting', done: 'Done', failed: 'Failed', cancelled: 'Stopped' };

/** @type {(n: number, one: string, many?: string) => string} */
export const count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

/**
 * The first of some names, and how many more there are.
 * @type {(names: string[], most?: number) => string}
 */
export const some = (names, most = 5) => (names.length > most ? `${names.slice(0, most).join(', ')} and ${names.length - most} more` : names.join(', '));

/** @type {(width: unknown, height: unknown) => string} */
export const size = (width, height) => `${width} × ${height}`;

/**
 * What a picture was made with, in one line.
 * @param {PageImage} image
 */
export function facts(image) {
  const request = image.request;
  /** @type {Array<string | false | null | undefined>} */
  const parts = [size(image.width, image.height)];
  if (image.seed != null) parts.push(`Seed ${image.seed}`);
  if (request) parts.push([request.sampler, request.schedule].filter(Boolean).join(' '), `${request.steps} steps`, `CFG ${request.guidance}`, request.hires && 'Hires. fix');
  return parts.filter(Boolean).join(' · ');
}

/**
 * Which backend makes a request's pictures; nothing for this machine.
 * @param {SomeRequest} request
 */
export const placeOf = (request) => (!request.where || request.where === 'auto' || request.where === 'here' ? '' : `at ${request.where}`);

/** @param {{request?: SomeRequest | null, kind?: string} | null | undefined} thing */
export const promptOf = (thing) => thing?.request?.prompt || (thing?.request?.mode === 'extras' ? `Extras: ${stepWords(thing.request.finish ?? [])}` : '') || (thing?.kind === 'upload' ? 'Uploaded picture' : 'No prompt');
