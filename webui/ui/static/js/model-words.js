// @ts-check
// What is said of models that are here and of those that could be.

import { el } from './dom.js';
import { number, t } from './language.js';

/** @type {(bytes: number) => string} */
export const bytesOf = (bytes) => (bytes >= 1e9 ? t('{n} GB', { n: number(bytes / 1e9, 2) }) : t('{n} MB', { n: number(bytes / 1e6, 1) }));

/** How far a download is: bytes, speed, time left. */
export function comeOf({ received, size, state, speed, left_s: left }) {
  const runs = state === 'running' || state === 'waiting';
  return [`${bytesOf(received)}${size ? t(' of {megabytes}', { megabytes: bytesOf(size) }) : ''}`, runs && speed > 0 && `${bytesOf(speed)}/s`, runs && left != null && t('{n} s left', { n: Math.ceil(left) })].filter(Boolean).join(' · ');
}

/** The facts of an offer in a line. */
export const factsOf = ({ kind, base, licence, size }) => [kind?.replaceAll('_', ' '), base, licence || t('licence not said'), size && bytesOf(size)].filter(Boolean).join(' · ');

const CLASS = { fits: 'fit-well', offload: 'fit-slow', 'too large': 'fit-not', 'not loaded': 'fit-not', unknown: 'muted' };
const WORD = { fits: t('Fits. '), offload: t('Fits with offloading. '), 'too large': t('Does not fit. '), 'not loaded': '', unknown: '' };

/** A line for each device: whether a model fits, and what it needs. */
export const fitLines = (fits) => fits.map((fit) => el('p', { class: CLASS[fit.outcome] }, WORD[fit.outcome], fit.sentence));
