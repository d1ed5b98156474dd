// @ts-check
// The finish chain as values: read from the form's text, changed, written back, and said in words. No DOM.

import { parseExact } from './exact.js';
import { t } from './language.js';

/** @import { StepKind } from './api-types.d.ts' */
/** @typedef {Record<string, any> & {kind: string}} Step */

/**
 * The steps in the form's text; none where it is empty or none of ours.
 * @param {unknown} text
 * @returns {Step[]}
 */
export function readSteps(text) {
  try {
    const found = parseExact(String(text || '[]'));
    return Array.isArray(found) ? found.filter((step) => step && typeof step.kind === 'string') : [];
  } catch {
    return [];
  }
}

/** @param {Step[]} steps */
export const writeSteps = (steps) => (steps.length ? JSON.stringify(steps) : '');

/**
 * The kind of a step, by which its fields are known; nothing for an extension's that is gone.
 * @param {StepKind[]} kinds
 * @param {Step} step
 */
export const kindOf = (kinds, step) => kinds.find((each) => each.kind === step.kind && (each.kind !== 'extension' || each.name === step.name));

/**
 * A new step of a kind, with what is usual.
 * @param {StepKind} kind
 * @returns {Step}
 */
export function newStep(kind) {
  const values = Object.fromEntries(kind.fields.map((field) => [field.name, field.kind === 'regions' ? [] : field.value ?? (field.kind === 'picture' || field.kind === 'number' ? null : '')]));
  return kind.name ? { kind: kind.kind, name: kind.name, values } : { kind: kind.kind, ...values };
}

/**
 * The steps with one more; a format stays the last.
 * @param {Step[]} steps
 * @param {Step} step
 */
export function withStep(steps, step) {
  const last = steps.at(-1)?.kind === 'format' ? [steps[steps.length - 1]] : [];
  const before = last.length ? steps.slice(0, -1) : steps;
  return step.kind === 'format' ? [...before, step] : [...before, step, ...last];
}

/**
 * The steps with two neighbours changed.
 * @param {Step[]} steps
 * @param {number} at
 * @param {number} by
 */
export function moved(steps, at, by) {
  const to = at + by, after = [...steps];
  if (to < 0 || to >= steps.length) return steps;
  [after[at], after[to]] = [after[to], after[at]];
  return after;
}

/**
 * The same, one field changed.
 * @param {Step} step
 * @param {string} name
 * @param {unknown} value
 * @returns {Step}
 */
export const changed = (step, name, value) =>
  step.kind === 'extension' ? { ...step, values: { ...step.values, [name]: value } } : { ...step, [name]: value };

/** @type {(step: Step, name: string) => any} */
export const valueIn = (step, name) => (step.kind === 'extension' ? step.values?.[name] : step[name]);

/**
 * The chain in a few words.
 * @param {unknown} text
 */
export const chainWords = (text) => stepWords(readSteps(text));

/** @param {Step[]} steps */
export const stepWords = (steps) => steps.map(oneStep).join(', ');

/** @param {Step} step */
function oneStep(step) {
  if (step.kind === 'upscale') return `${step.upscaler} ${step.width || step.height ? `${step.width || t('auto')} × ${step.height || t('auto')}` : step.scale ? `${step.scale}×` : t('by its own factor')}`;
  if (step.kind === 'sd_upscale') return t('SD upscale {scale}×', { scale: step.scale });
  if (step.kind === 'format') return String(step.format).toUpperCase();
  return t(String(step.kind === 'extension' ? step.name : step.kind).replaceAll('_', ' '));
}
