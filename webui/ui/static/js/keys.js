// @ts-check
// The keyboard. Single letters act only when nothing is being typed into.

import { $, $$ } from './dom.js';
import { openFind } from './find.js';
import { showKeys } from './key-list.js';
import { escapeQueue, toggleQueue } from './queue-drawer.js';
import { draw, inStudio, parts, state } from './state.js';
import { go } from './tabs.js';
import { undoLast } from './toast.js';
import { typeInto } from './typing.js';
import { reweigh } from './weights.js';

const TEXT = 'input:not([type=range],[type=radio],[type=checkbox]), textarea, select, [contenteditable]';
const PROMPTS = '#prompt textarea, #negative_prompt textarea, #hires-prompt textarea, #hires-negative_prompt textarea';

let typedAt = 0;  // when somebody last typed, as events are stamped

export function watchKeys() {
  addEventListener('input', (event) => { if (event.isTrusted) typedAt = event.timeStamp; }, true);
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
  if (ctrl && !event.shiftKey && !event.altKey && event.key.toLowerCase() === 'k') return openFind();
  if (event.key === 'Escape' && !dialog && parts.shelf?.escape(target)) return true;
  if (event.key === 'Escape' && !dialog && escapeQueue(target)) return true;
  if (event.key === 'Escape' && !dialog && !$('.menu:not([hidden])') && parts.dock?.escape()) return true;
  if (event.altKey && event.code === 'KeyQ' && !dialog) { toggleQueue(); return true; }
  if (event.altKey && event.code === 'KeyS' && !dialog) { parts.shelf?.toggle(); return true; }
  if (event.key === 'Escape' && !typing && !dialog && state.tab === 'gallery' && parts.gallery?.escape?.()) return true;
  if (event.key === 'Escape' && !typing && !dialog && !$('.menu:not([hidden])')) return parts.run?.stop() ?? false;
  if (ctrl && ['ArrowUp', 'ArrowDown'].includes(event.key) && target.matches?.(PROMPTS)) return weigh(target, event.key === 'ArrowUp');
  if (event.altKey && event.code === 'KeyV' && !dialog) return parts.vary?.here() ?? false;
  if (event.altKey && /^[1-9]$/.test(event.key)) return click($$('#nav > .tab-wrapper [role=tab]')[event.key - 1]);
  if (ctrl && !event.shiftKey && event.key === 'z') return (!typing && !dialog && parts.mask?.key(event)) || undoLast(typing ? typedAt : 0);
  if (typing || dialog) return false;
  if (event.key === '/') return focusPrompt();
  if (event.key === '?') return showKeys();
  if (parts.canvas?.key(event, Boolean(free(target)))) return true;
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
  parts.dock?.reveal();
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

/** Ctrl+Up and Ctrl+Down: the weight of what is selected, or of what the cursor is in. */
function weigh(area, up) {
  const change = reweigh(area.value, area.selectionStart, area.selectionEnd, up);
  if (!change) return true;
  if (area.value.slice(change.start, change.end) !== change.text) typeInto(area, change.start, change.end, change.text);
  area.setSelectionRange(change.from, change.to);
  return true;
}
