// The keyboard. Single letters act only when nothing is being typed into.

import { $, $$ } from './dom.js';
import { draw, inStudio, parts, state } from './state.js';
import { go } from './tabs.js';

const TEXT = 'input:not([type=range],[type=radio],[type=checkbox]), textarea, select, [contenteditable]';
const PROMPTS = '#prompt textarea, #negative_prompt textarea, #hires-prompt textarea, #hires-negative_prompt textarea';

export function watchKeys() {
  addEventListener('keydown', (event) => {
    if (act(event)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }, true);
}

/** Do what the key asks for; false when it is not ours. */
function act(event) {
  const target = event.target;
  const typing = target.closest?.(TEXT);
  const ctrl = event.ctrlKey || event.metaKey;
  const dialog = $('dialog[open]');
  if (ctrl && event.key === 'Enter') return event.repeat || click('#generate');  // a key held down is one wish
  if (event.key === 'Escape' && !typing && !dialog && !$('.menu:not([hidden])')) return parts.run?.stop() ?? false;
  if (ctrl && ['ArrowUp', 'ArrowDown'].includes(event.key) && target.matches?.(PROMPTS)) return weigh(target, event.key === 'ArrowUp' ? 0.1 : -0.1);
  if (event.altKey && /^[1-9]$/.test(event.key)) return click($$('#nav > .tab-wrapper [role=tab]')[event.key - 1]);
  if (typing || dialog) return false;
  if (event.key === '/') return focusPrompt();
  if (!ctrl && ['ArrowLeft', 'ArrowRight'].includes(event.key) && free(target)) return step(event.key === 'ArrowLeft' ? -1 : 1);
  return parts.mask?.key(event) ?? false;
}

const click = (what) => {
  const node = typeof what === 'string' ? $(what) : what;
  node?.click();
  return Boolean(node);
};

const free = (target) => document.body.dataset.tab === 'studio' && (target === document.body || target.closest?.('.strip'));

function focusPrompt() {
  if (!inStudio()) go(state.mode);
  requestAnimationFrame(() => $('#prompt textarea')?.focus());
  return true;
}

/** The newer or older picture of the strip. */
function step(by) {
  const at = state.images.findIndex((image) => image.id === state.shown);
  const next = state.images[Math.min(Math.max(at + by, 0), state.images.length - 1)];
  if (!next) return false;
  parts.stage?.choose(next);
  draw();
  return true;
}

/** Ctrl+Up and Ctrl+Down: weight of the selected words, A1111's way. */
function weigh(area, by) {
  const { value } = area;
  let { selectionStart: from, selectionEnd: to } = area;
  if (from === to) {
    while (from > 0 && /[^\s,()]/.test(value[from - 1])) from -= 1;
    while (to < value.length && /[^\s,():]/.test(value[to])) to += 1;
  }
  if (from === to) return true;
  const after = value.slice(to).match(/^:([\d.]+)\)/);
  const inside = after && value[from - 1] === '(';
  const weight = Math.round(((inside ? +after[1] : 1) + by) * 100) / 100;
  const [start, end] = inside ? [from - 1, to + after[0].length] : [from, to];
  const text = value.slice(from, to);
  area.setRangeText(weight === 1 ? text : `(${text}:${weight})`, start, end);
  const first = start + (weight === 1 ? 0 : 1);
  area.setSelectionRange(first, first + text.length);
  area.dispatchEvent(new Event('input', { bubbles: true }));
  return true;
}
