// @ts-check
// What this browser remembers: form, folds, theme, brush. A private window lives without.

import { parseExact } from './exact.js';

export function stored(key, fallback) {
  try {
    return parseExact(localStorage.getItem(`darkroom.${key}`) ?? 'null') ?? fallback;
  } catch {
    return fallback;
  }
}

export function store(key, value) {
  try {
    localStorage.setItem(`darkroom.${key}`, JSON.stringify(value));
  } catch {
    /* storage is off or full */
  }
}

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
export const setOwner = (name) => {
  document.cookie = `darkroom_owner=${encodeURIComponent(name.trim())}; path=${ROOT}/; max-age=${name.trim() ? 31536000 : 0}; samesite=strict`;
};
