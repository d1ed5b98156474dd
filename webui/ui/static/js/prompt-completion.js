// @ts-check
/** @import { Word, Wish } from './completion.js' */
// The list under a prompt while a name is being typed. It opens only by typing, and takes no key while it is closed.

import { found, taken, wishAt } from './completion.js';
import { $, announce, el } from './dom.js';
import { count } from './format.js';
import { t } from './language.js';
import { known, learnOnce, pictureOf, whenKnown } from './shelf-models.js';
import { stylesNow, toggleStyle } from './shelf-use.js';
import { isPutting, typeInto } from './typing.js';

const PROMPTS = '#prompt textarea, #negative_prompt textarea';
const ID = 'completions';

/** @type {{box: any, area: any, wish: Wish | null, words: Word[], at: number, went: boolean, composing: boolean, early: any}} `early`: where somebody types before the names are known; `went`: an arrow has chosen one, so Enter takes it also where only a word is being typed */
const it = { box: null, area: null, wish: null, words: [], at: 0, went: false, composing: false, early: null };

export function watchCompletions() {
  it.box = el('ul.completions', { id: ID, role: 'listbox', 'aria-label': t('Completions'), hidden: true, onpointerdown: (/** @type {any} */ event) => { event.preventDefault(); const row = event.target.closest('[data-n]'); if (row && event.button === 0) take(Number(row.dataset.n)); } });
  const isPrompt = (/** @type {EventTarget | null} */ target) => target instanceof HTMLTextAreaElement && target.matches(PROMPTS);
  document.addEventListener('input', (event) => { if (isPrompt(event.target) && event.isTrusted && !isPutting() && !it.composing) look(event.target, /** @type {InputEvent} */ (event).inputType); });
  document.addEventListener('compositionstart', ({ target }) => { if (isPrompt(target)) { it.composing = true; close(); } });
  document.addEventListener('compositionend', ({ target }) => { if (isPrompt(target)) { it.composing = false; look(target, 'insertText'); } });
  document.addEventListener('keydown', (event) => { if (isPrompt(event.target) && press(event)) { event.preventDefault(); event.stopPropagation(); } }, true);
  document.addEventListener('focusout', ({ target }) => { if (target === it.area) close(); });
  document.addEventListener('focusin', ({ target }) => { if (isPrompt(target)) learnOnce().catch(() => {}); });
  document.addEventListener('selectionchange', () => { if (it.area && it.wish && it.area.selectionStart !== it.area.selectionEnd) close(); });
  whenKnown(() => { if (it.early && document.activeElement === it.early) look(it.early, 'insertText'); });
}

/** @param {any} area @param {string} how the browser's word for what was done */
function look(area, how) {
  if (how.startsWith('history') || how.startsWith('insertFromPaste') || how.startsWith('insertFromDrop') || area.selectionStart !== area.selectionEnd) return close();
  const wish = wishAt(area.value, area.selectionStart);
  const words = wish ? found(known.words, wish).filter((word) => area.closest('#prompt') || !['lora', 'hypernetwork'].includes(word.kind)) : [];
  it.early = known.ready ? null : area;
  if (!wish || !words.length) return close();
  const isNew = it.area !== area || it.wish?.start !== wish.start;
  Object.assign(it, { area, wish, words, at: 0, went: false });
  draw();
  if (isNew) announce(count(words.length, 'completion'));
}

function draw() {
  const host = $('#form-fields'), frame = host.getBoundingClientRect(), field = it.area.getBoundingClientRect();
  if (it.box.parentNode !== host) host.append(it.box);
  it.box.replaceChildren(...it.words.map((word, n) => {
    const picture = pictureOf(word);
    return el('li', { id: `${ID}-${n}`, role: 'option', 'aria-selected': String(n === it.at), 'data-n': n },
      picture ? el('img', { src: picture, alt: '', decoding: 'async', loading: 'lazy' }) : el('i', { 'aria-hidden': 'true' }, { style: '@', wildcard: '_', embedding: 'e', lora: 'L', hypernetwork: 'H' }[word.kind]),
      el('b', {}, word.name), el('span', {}, word.hint));
  }));
  it.box.hidden = false;
  it.box.style.cssText = `inset-inline-start:${field.left - frame.left}px;inline-size:${field.width}px;inset-block-start:${field.bottom - frame.top + host.scrollTop + 4}px`;
  it.area.setAttribute('aria-autocomplete', 'list');
  it.area.setAttribute('aria-controls', ID);
  mark();
}

function mark() {
  for (const [n, row] of [...it.box.children].entries()) row.setAttribute('aria-selected', String(n === it.at));
  const row = it.box.children[it.at];
  if (row.offsetTop < it.box.scrollTop) it.box.scrollTop = row.offsetTop;
  else if (row.offsetTop + row.offsetHeight > it.box.scrollTop + it.box.clientHeight) it.box.scrollTop = row.offsetTop + row.offsetHeight - it.box.clientHeight;
  it.area.setAttribute('aria-activedescendant', row.id);
}

function close() {
  if (!it.wish) return;
  it.box.hidden = true;
  it.wish = null;
  for (const name of ['aria-controls', 'aria-activedescendant']) it.area.removeAttribute(name);
}

/** Whether a key was for the list. @param {KeyboardEvent} event */
function press(event) {
  if (!it.wish || event.target !== it.area || event.isComposing || event.keyCode === 229) return false;
  if (event.ctrlKey || event.altKey || event.metaKey) { if (event.key === 'Enter') close(); return false; }
  if (event.key === 'Escape') { close(); return true; }
  if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
    it.at = (it.at + (event.key === 'ArrowDown' ? 1 : -1) + it.words.length) % it.words.length;
    it.went = true;
    mark();
    return true;
  }
  if ((event.key === 'Tab' && !event.shiftKey) || (event.key === 'Enter' && (it.went || !it.wish.strict) && !event.shiftKey)) { take(it.at); return true; }
  if (['ArrowLeft', 'ArrowRight', 'Home', 'End', 'PageUp', 'PageDown', 'Enter', 'Tab'].includes(event.key)) close();
  return false;
}

/** @param {number} n */
function take(n) {
  const { area, wish } = it, word = it.words[n];
  if (!wish || !word) return;
  close();
  const change = taken(word, wish);
  typeInto(area, change.start, change.end, change.text);
  if (word.kind === 'style' && !stylesNow().includes(word.name)) toggleStyle(word.name);
}
