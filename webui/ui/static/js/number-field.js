// @ts-check
// A number of the form, with or without a slider. Empty stays empty, and what is typed is sent as it is: the request says what it may be.

import { $ } from './dom.js';
import { numberOf, stepExact } from './exact.js';

/**
 * `take(value)` gets every change by hand; `show(value)` is what the form holds.
 * @param {HTMLElement} root
 * @param {(value: import('./page-types.d.ts').Value) => void} take
 */
export function numberField(root, take) {
  const input = $('input[type=number]', root), range = $('input[type=range]', root);
  /** @type {import('./page-types.d.ts').Value} */
  let held = numberOf(input.value);

  const slide = () => {
    if (!range) return;
    const low = Number(range.min), high = Number(range.max);
    range.value = held === '' || held == null ? range.min : String(held);
    range.style.setProperty('--range_progress', `${((Number(range.value) - low) / (high - low)) * 100}%`);
  };
  const set = (value) => {
    held = value;
    slide();
    take(value);
  };
  input.oninput = () => set(input.validity.badInput ? 'no number' : numberOf(input.value));
  input.onkeydown = (event) => {
    const next = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    const exact = next && !event.ctrlKey && stepExact(input.value, next);
    if (!exact) return;
    event.preventDefault();
    input.value = exact;
    input.dispatchEvent(new Event('input', { bubbles: true }));
  };
  if (range) range.oninput = () => { input.value = range.value; set(numberOf(range.value)); };
  slide();
  return {
    /** @param {import('./page-types.d.ts').Value} value */
    show(value) {
      held = value;
      if (String(numberOf(input.value)) !== String(value ?? '') || document.activeElement !== input) input.value = value ?? '';
      slide();
    },
    held: () => (input.value === input.defaultValue ? undefined : numberOf(input.value)),
  };
}
