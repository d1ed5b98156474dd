// @ts-check
// What a grid says of itself on the page, and values as they are written into a box.

/** @import { GridBody } from './api-types.d.ts' */

import { count, t } from './language.js';

/** Values with commas between; what holds a comma or a quote stands in quotes. @param {readonly string[]} values */
export const joined = (values) => values.map((value) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value)).join(', ');

/** How many cells have come to an end, whatever end. @param {Pick<GridBody, 'counts'>} grid */
export const ended = ({ counts }) => (counts.done ?? 0) + (counts.failed ?? 0) + (counts.cancelled ?? 0);

/** "8 of 12 cells, 1 failed". @param {Pick<GridBody, 'counts' | 'total' | 'state'>} grid */
export function progressOf({ counts, total, state }) {
  const parts = [t('{done} of {total} cells', { done: counts.done ?? 0, total })];
  if (counts.failed) parts.push(t('{failed} failed', { failed: counts.failed }));
  if (state === 'cancelled') parts.push(t('stopped'));
  else if (counts.running) parts.push(t('{running} running', { running: counts.running }));
  return parts.join(', ');
}

/** What a grid is about: its title, or its axes. @param {Pick<GridBody, 'title' | 'axes'>} grid */
export const nameOf = ({ title, axes }) => title || axes.map((axis) => t(axis.title)).join(' × ');

/** "3 × 4 = 12 cells". @param {readonly number[]} sides */
export function countOf(sides) {
  const shown = sides.filter((side, place) => place === 0 || side > 1);
  const cells = sides.reduce((product, side) => product * side, 1);
  return shown.length > 1 ? `${shown.join(' × ')} = ${count(cells, 'cell')}` : count(cells, 'cell');
}

/** Which drawing of a grid is worth fetching: another one at each quarter, and at the end. @param {Pick<GridBody, 'counts' | 'total' | 'state'>} grid */
export const stepOf = (grid) => (grid.state === 'active' ? `${Math.floor((4 * ended(grid)) / grid.total)}of${grid.total}` : `all${ended(grid)}`);

/** The values of a box: between commas, those in quotes may hold commas. @param {string} text @returns {string[]} */
export const valuesIn = (text) => [...text.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,\n]*))\s*(?:[,\n]|$)/g)].map(([, quoted, plain]) => (quoted === undefined ? plain.trim() : quoted.replaceAll('""', '"'))).filter(Boolean);

/** The values with one more, or without it. @param {string} text @param {string} value */
export function toggledValue(text, value) {
  const values = valuesIn(text);
  return joined(values.includes(value) ? values.filter((each) => each !== value) : [...values, value]);
}

/** What a cell is, aloud: "brass, CFG Scale 7". @param {Pick<GridBody, 'axes'>} grid @param {{x: number, y: number, z: number}} cell */
export const cellWords = ({ axes }, { x, y, z }) => axes.map((axis, n) => spokenValue(axis, [x, y, z][n])).join(', ');

/** Numbers say what they are of. @param {GridBody['axes'][number]} axis @param {number} at */
const spokenValue = (axis, at) => (typeof axis.values[at] === 'number' ? `${t(axis.title)} ${axis.labels[at]}` : axis.labels[at] ?? '');

/** As A1111 writes it: `X Type: CFG Scale, X Values: "3, 5"`. @param {Pick<GridBody, 'axes'>} grid */
export const plotWords = ({ axes }) => axes.map((axis, n) => `${'XYZ'[n]} Type: ${axis.title}, ${'XYZ'[n]} Values: "${axis.labels.join(', ').replaceAll('"', '\\"')}"`).join(', ');

/** What an axis is called beside the table: a word of the prompt by itself. @param {Pick<GridBody['axes'][number], 'kind' | 'title' | 'labels'>} axis */
export const titleOfAxis = ({ kind, title, labels }) => (kind === 'Prompt S/R' ? `“${labels[0] ?? ''}”` : t(title));
