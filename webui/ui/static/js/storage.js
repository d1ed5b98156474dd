// @ts-check
// What this browser remembers: form, folds, theme, brush. A private window lives without.

import { parseExact } from './exact.js';

/**
 * @template T
 * @param {string} key
 * @param {T} fallback
 * @returns {T}
 */
export function stored(key, fallback) {
  try {
    return parseExact(localStorage.getItem(`darkroom.${key}`) ?? 'null') ?? fallback;
  } catch {
    return fallback;
  }
}

/**
 * @param {string} key
 * @param {unknown} value
 */
export function store(key, value) {
  try {
    localStorage.setItem(`darkroom.${key}`, JSON.stringify(value));
  } catch {
    /* storage is off or full */
  }
}

/** @type {(key: string) => void} */
export const forget = (key) => {
  try {
    localStorage.removeItem(`darkroom.${key}`);
  } catch {
    /* storage is off */
  }
};

/** The folder of the server that the page lies in, without its last slash: '' or '/darkroom'. */
export const ROOT = new URL('../../..', import.meta.url).pathname.slice(0, -1);

/** The name this browser's jobs go by: a cookie, so that every request carries it. A courtesy, not security. */
export const owner = () => decodeURIComponent(document.cookie.match(/(?:^|; )darkroom_owner=([^;]*)/)?.[1] ?? '');
