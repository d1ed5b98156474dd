// @ts-check
// A number of the form, with or without a slider. Gradio's own boxes turn an empty number into 0, round beyond 2^53 and clamp what is typed to the
// slider's ends; here empty stays empty, and what is typed is sent as it is: the request says what it may be.

import { $, el } from './dom.js';
import { numberOf, stepExact } from './exact.js';

/** Called by Gradio once a number's box is in the page; `props.field` says how it looks, `props.value` is what it holds. */
export function mountNumber(element, props, trigger, watch) {
  const root = $('.host', element);
  if (!root) return;
  const { field } = props;
  const id = `${element.closest('[id]:not([id^=html-])')?.id ?? field.name}-number`;
  const input = el('input', { id, type: 'number', step: field.step ?? 'any', min: field.low, max: field.high, placeholder: field.placeholder, autocomplete: 'off' });
  const range = field.ends && el('input', { type: 'range', min: field.ends[0], max: field.ends[1], step: field.step ?? 'any', 'aria-label': field.label });
  const label = el('label', { for: id, 'data-testid': 'block-info' }, field.label);
  const info = field.info && el('p.number-info', { id: `${id}-info` }, field.info);
  if (info) input.setAttribute('aria-describedby', info.id);
  root.append(...(range ? [el('div.head', {}, label, input), info, range] : [label, info, input]).filter(Boolean));

  const slide = () => {
    if (!range) return;
    const [low, high] = field.ends;
    range.value = props.value === '' || props.value == null ? low : props.value;
    range.style.setProperty('--range_progress', `${((range.value - low) / (high - low)) * 100}%`);
  };
  const show = () => {
    const same = String(numberOf(input.value)) === String(props.value ?? '');
    if (!same || document.activeElement !== input) input.value = props.value ?? '';
    if (props.value && input.value === '') props.value = '';  // no number, and nothing that the box could show
    slide();
  };
  const take = (value) => {
    props.value = value;
    slide();
    trigger('input');
  };
  input.oninput = () => take(input.validity.badInput ? 'no number' : numberOf(input.value));
  input.onkeydown = (event) => {
    const next = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    const exact = next && !event.ctrlKey && stepExact(input.value, next);
    if (!exact) return;
    event.preventDefault();
    input.value = exact;
    input.dispatchEvent(new Event('input', { bubbles: true }));
  };
  if (range) range.oninput = () => { input.value = range.value; take(numberOf(range.value)); };
  watch('value', show);
  show();
}
