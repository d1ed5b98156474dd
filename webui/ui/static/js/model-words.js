// @ts-check
// What is said of models that are here and of those that could be.

import { el } from './dom.js';

/** @type {(bytes: number) => string} */
export const bytesOf = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(2)} GB` : `${(bytes / 1e6).toFixed(1)} MB`);

/** The facts of an offer in a line. */
export const factsOf = ({ kind, base, licence, size }) => [kind?.replaceAll('_', ' '), base, licence || 'licence not said', size && bytesOf(size)].filter(Boolean).join(' · ');

const CLASS = { fits: 'fit-well', offload: 'fit-slow', 'too large': 'fit-not', 'not loaded': 'fit-not', unknown: 'muted' };
const WORD = { fits: 'Fits. ', offload: 'Fits with offloading. ', 'too large': 'Does not fit. ', 'not loaded': '', unknown: '' };

/** A line for each device: whether a model fits, and what it needs. */
export const fitLines = (fits) => fits.map((fit) => el('p', { class: CLASS[fit.outcome] }, WORD[fit.outcome], fit.sentence));
