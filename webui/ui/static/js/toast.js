// @ts-check
// Short messages: what was done, and the way back. Room is made for them, so that they cover nothing.

import { $, $$, el } from './dom.js';
import { t } from './language.js';
import { added, sentence } from './toast-stack.js';

/** @type {import('./toast-stack.js').Note[]} */
let notes = [];
/** @type {Map<import('./toast-stack.js').Note, any>} */
const elements = new Map();
const UNDO = t('Undo');
const KEPT = 600_000;  // ms that Ctrl+Z remembers what was done
/** @type {{note: import('./toast-stack.js').Note, at: number} | null} */
let undoable = null;

/**
 * Show a message. Equal messages become one with a count; their actions are run together, the newest first.
 * @param {string} text
 * @param {{action?: import('./toast-stack.js').Action | null, kind?: '' | 'error'}} [options] `action`: a button, such as Undo
 */
export function toast(text, options = {}) {
  const at = place();
  const { note, notes: all, gone } = added(notes, text, options);
  notes = all;
  gone.forEach(remove);
  if (!elements.has(note)) elements.set(note, make(note));
  const node = elements.get(note);
  $('.times', node).textContent = note.times > 1 ? `×${note.times}` : '';
  if (node.parentNode !== at) at.append(node);
  if (note.offer === UNDO) undoable = { note, at: performance.now() };
  keep(note);
}

/**
 * Undo what the last message with Undo told of, also when it is gone by now; false where there is none since `since`.
 * @param {number} since ms, as events are stamped
 */
export function undoLast(since = 0) {
  const now = performance.now();
  if (!undoable || undoable.at < since || now - undoable.at > KEPT) return false;
  press(undoable.note);
  return true;
}

/** @param {import('./toast-stack.js').Note} note */
function press(note) {
  if (undoable?.note === note) undoable = null;
  remove(note);
  note.runs.forEach((run) => run());
}

export const complain = (problem) => toast(sentence(problem), { kind: 'error' });

/**
 * Complain; where it is only that something would be paid for once more, with a button for that.
 * @param {() => void} run
 */
export const orPayAgain = (run) => (/** @type {any} */ problem) =>
  toast(sentence(problem), { kind: 'error', action: problem.field === 'pay_again' ? { label: t('Pay again'), run } : null });

function make(note) {
  const node = el('div.toast', { 'data-kind': note.kind }, el('span', {}, note.text), el('span.times'), note.offer && el('button.action', { type: 'button', onclick: () => press(note), ...(note.offer === UNDO && { title: t('Undo (Ctrl+Z)'), 'aria-keyshortcuts': 'Control+Z' }) }, note.offer));
  node.onpointerenter = node.onfocusin = () => clearTimeout(node.timer);
  node.onpointerleave = node.onfocusout = () => keep(note);
  return node;
}

function remove(note) {
  notes = notes.filter((each) => each !== note);
  elements.get(note)?.remove();
  elements.delete(note);
}

function keep(note) {
  const node = elements.get(note);
  if (!node) return;  // the focus has left what is gone
  clearTimeout(node.timer);
  node.timer = setTimeout(() => (node.matches(':hover, :focus-within') ? keep(note) : remove(note)), note.lasts);
}

let box = null;
let room = null;

/** The box of the messages, in the topmost open dialog, outside of which everything is inert, else in the body. The stylesheet keeps `--toasts` free for it. */
function place() {
  box ??= el('div', { id: 'toasts', role: 'status' });
  const dialog = $$('dialog[open]').at(-1);
  const at = $('.look-room', dialog ?? el('i')) ?? dialog ?? document.body;  // a large picture's bar has a place for them
  if (box.parentNode === at) return box;
  at.append(box);
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
