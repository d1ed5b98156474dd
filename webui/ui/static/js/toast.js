// @ts-check
// Short messages: what was done, and the way back. Room is made for them, so that they cover nothing.

import { $, el } from './dom.js';

const MOST = 3;  // as many at once
const SHORT = 3500, LONG = 8000;  // ms: long where there is something to press, or much to read

/**
 * Show a message. Equal messages become one with a count; their actions are run together, the newest first.
 * @param {string} text
 * @param {{action?: {label: string, run: () => void} | null, kind?: '' | 'error'}} [options] `action`: a button, such as Undo
 */
export function toast(text, { action = null, kind = '' } = {}) {
  const at = place();
  const note = [...at.children].find((each) => each.dataset.key === keyOf(text, action, kind)) ?? make(text, action, kind);
  if (action) note.runs.unshift(action.run);
  note.times += 1;
  $('.times', note).textContent = note.times > 1 ? `×${note.times}` : '';
  if (note.parentNode !== at) at.append(note);
  while (at.children.length > MOST) at.firstChild.remove();
  keep(note);
}

export const complain = (problem) => toast([problem.message, problem.advice].filter(Boolean).join(' '), { kind: 'error' });

const keyOf = (text, action, kind) => [kind, action?.label ?? '', text].join('\n');

function make(text, action, kind) {
  const note = el('div.toast', { 'data-kind': kind, 'data-key': keyOf(text, action, kind) }, el('span', {}, text), el('span.times'));
  Object.assign(note, { runs: [], times: 0, lasts: action || kind === 'error' || text.length > 60 ? LONG : SHORT });
  if (action) note.append(el('button.action', { type: 'button', onclick: () => { note.remove(); note.runs.forEach((run) => run()); } }, action.label));
  note.onpointerenter = note.onfocusin = () => clearTimeout(note.timer);
  note.onpointerleave = note.onfocusout = () => keep(note);
  return note;
}

function keep(note) {
  clearTimeout(note.timer);
  note.timer = setTimeout(() => (note.matches(':hover, :focus-within') ? keep(note) : note.remove()), note.lasts);
}

let box = null;
let room = null;

/** The box of the messages, in an open dialog, outside of which everything is inert, else in the body. The stylesheet keeps `--toasts` free for it. */
function place() {
  box ??= el('div', { id: 'toasts', role: 'status' });
  const dialog = $('dialog[open]');
  if (box.parentNode === (dialog ?? document.body)) return box;
  (dialog ?? document.body).append(box);
  dialog?.addEventListener('close', place, { once: true });
  room ??= new ResizeObserver(makeRoom);
  room.observe(box);
  return box;
}

/** A form that scrolls shows less of itself meanwhile. One that fits into its window stays as it is: nothing in it shall jump. */
function makeRoom() {
  const fields = $('#form-fields');
  const { style } = document.documentElement;
  if (!box.firstChild) style.setProperty('--toasts-form', '0px');
  else if (fields && fields.scrollHeight > fields.clientHeight + 1) style.setProperty('--toasts-form', `${box.offsetHeight}px`);
  style.setProperty('--toasts', `${box.offsetHeight}px`);
}
