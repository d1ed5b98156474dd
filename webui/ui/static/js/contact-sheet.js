// @ts-check
// How the gallery's pictures stand together, and what is said above them; worked out without the page.

/** @import { Session } from './api-types.d.ts' */

import { count, dates, t } from './language.js';

/**
 * When a session was: "14:04", "yesterday, 14:04", "12 Nov, 14:04", with the year when it is another.
 * @param {number} seconds
 * @param {Date} now
 * @param {string} [locale]
 */
export function whenOf(seconds, now, locale = dates) {
  const at = new Date(seconds * 1000);
  const time = at.toLocaleTimeString(locale, { hour: '2-digit', minute: '2-digit' });
  const days = Math.round((midnight(now) - midnight(at)) / 86_400_000);
  if (days === 0) return time;
  if (days === 1) return t('Yesterday, {time}', { time });
  const year = at.getFullYear() === now.getFullYear() ? {} : { year: /** @type {const} */ ('numeric') };
  return `${at.toLocaleDateString(locale, { day: 'numeric', month: 'short', ...year })}, ${time}`;
}

/** @param {Date} at */
const midnight = (at) => new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime();

/**
 * What a session is called.
 * @param {Session} session
 */
export const titleOf = (session) => session.prompt.replace(/\s+/g, ' ').trim() || t('No prompt');

/**
 * What a picture is, for those who hear it: its prompt, and how it is marked.
 * @param {string} prompt
 * @param {{rating?: number, flag?: number}} marks
 */
export function spoken(prompt, { rating = 0, flag = 0 }) {
  return [prompt, flag === 1 && t('kept'), flag === -1 && t('rejected'), rating > 0 && count(rating, 'star')].filter(Boolean).join(', ');
}

/**
 * What a key does to marks; nothing for other keys.
 * @param {string} key
 * @returns {{rating?: number, flag?: number} | null}
 */
export function markOf(key) {
  if (/^[0-5]$/.test(key)) return { rating: Number(key) };
  const flag = { p: 1, x: -1, u: 0 }[key.toLowerCase()];
  return flag === undefined ? null : { flag };
}

/**
 * A query with one more part, or without it where it has it.
 * @param {string} query
 * @param {string} part
 */
export function toggled(query, part) {
  const parts = query.split(/\s+/).filter(Boolean);
  return (parts.includes(part) ? parts.filter((each) => each !== part) : [...parts, part]).join(' ');
}
