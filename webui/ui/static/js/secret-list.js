// @ts-check
// What keys and webhooks share in Settings: a list whose rows can be taken back, and a text that is shown once.

import { button, copyText, el, iconButton } from './dom.js';
import { t } from './language.js';
import { complain, toast } from './toast.js';

/**
 * A card: what it is about, a row to make one, the new one's text, the list. `make` gives what is shown once; `rows` are what there is.
 * @param {{what: string, words: string, about: HTMLElement, fields: HTMLElement[], submit: string, make: () => Promise<HTMLElement[]>, rows: () => Promise<Row[]>}} card
 * @typedef {{title: string, about: string, gone: string, remove?: () => Promise<unknown>, more?: HTMLElement}} Row
 */
export function secretList({ what, words, about, fields, submit, make, rows }) {
  const list = el('div.keys', { role: 'list', 'aria-label': what });
  const fresh = el('div.new-key', { role: 'status' });
  const refresh = async () => {
    try {
      list.replaceChildren(...(await rows()).map((row) => rowOf(row, refresh)));
    } catch (problem) {
      list.replaceChildren(el('p.field-error', { role: 'listitem' }, t('{what} cannot be read. {message}', { what, message: problem.message })));
    }
  };
  const add = async () => {
    try {
      fresh.replaceChildren(...await make());
      await refresh();
    } catch (problem) {
      complain(problem);
    }
  };
  refresh();
  return el('div.setting', { 'data-words': words }, about, el('div.setting-value.key-row', {}, ...fields, button('plus', submit, add)), fresh, list);
}

/**
 * @param {Row} row
 * @param {() => Promise<void>} refresh
 */
function rowOf({ title, about, gone, remove, more }, refresh) {
  const takeBack = async () => {
    try {
      await remove?.();
      toast(gone);
    } catch (problem) {
      complain(problem);
    }
    await refresh();
  };
  return el('div.key', { role: 'listitem' }, el('div.setting-text', {}, el('span', {}, title), el('p.muted', {}, about)), more ?? '', remove ? iconButton('trash', t('Take back {title}', { title }), takeBack) : '');
}

/**
 * A text that is not shown again, and what is said of it.
 * @param {{now: string, label: string, copy: string, copied: string}} says
 * @param {string} text
 */
export function shownOnce(says, text) {
  const copy = async () => {
    try {
      await copyText(text);
      toast(says.copied);
    } catch (problem) {
      complain(problem);
    }
  };
  return [el('p', {}, says.now), el('div.row-of-buttons', {}, el('code', { 'aria-label': says.label }, text), button('copy', says.copy, copy))];
}
