// @ts-check
// The form's fields: the server wrote them into the page, and each kind knows how to show a value and when somebody has changed it.

/** @import { Field, FieldValue } from './page-types.d.ts' */
/** @typedef {(value: FieldValue) => void} Take */

import { comboBox } from './combo-box.js';
import { $, $$ } from './dom.js';
import { facts } from './facts.js';
import { chainField } from './finish-chain.js';
import { numberField } from './number-field.js';

/** By name, as a request calls them. @type {Map<string, Field>} */
export const fields = new Map();

/** @type {Record<string, (root: HTMLElement, take: Take) => Field>} */
const KINDS = { text, check, radio, number: numberField, chain: chainField, choice: comboBox, choices: comboBox };

/** Bring them to life; `edited(name, value)` hears every change by hand. @param {(name: string, value: FieldValue) => void} edited */
export function findFields(edited) {
  for (const root of $$('[data-field]')) {
    const { field: name, kind } = root.dataset;
    fields.set(name, KINDS[kind](root, (value) => edited(name, value)));
    if (facts.choices[name]) fields.get(name)?.choices?.(facts.choices[name]);
  }
}

/** Take what stands in boxes whose text is taken only when they are left. */
export function commitFields() {
  for (const field of fields.values()) field.commit?.();
}

/** @param {HTMLElement} root @param {Take} take @returns {Field} */
function text(root, take) {
  const area = $('textarea', root);
  const grow = () => {
    if (sizesItself) return;
    area.style.height = 'auto';
    area.style.height = `${area.scrollHeight + 2}px`;
  };
  area.addEventListener('input', () => { grow(); take(area.value); });
  if (area.rows === 1) area.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => { if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) event.preventDefault(); });
  return {
    show(value) {
      if (area.value !== String(value ?? '')) area.value = value ?? '';
      grow();
    },
    held: () => (area.value === area.defaultValue ? undefined : area.value),
  };
}

const sizesItself = globalThis.CSS?.supports?.('field-sizing', 'content');

/** @param {HTMLElement} root @param {Take} take @returns {Field} */
function check(root, take) {
  const box = $('input', root);
  box.addEventListener('change', () => take(box.checked));
  return {
    show(value) { box.checked = Boolean(value); },
    held: () => (box.checked === box.defaultChecked ? undefined : box.checked),
  };
}

/** @param {HTMLElement} root @param {Take} take @returns {Field} */
function radio(root, take) {
  const boxes = $$('input', root);
  root.addEventListener('change', () => take(boxes.find((each) => each.checked)?.value ?? null));
  return {
    show(value) { for (const each of boxes) each.checked = each.value === value; },
    held: () => (boxes.every((each) => each.checked === each.defaultChecked) ? undefined : boxes.find((each) => each.checked)?.value),
  };
}
