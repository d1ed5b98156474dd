// @ts-check
// Small tools to make elements. Text is always a text node, so a prompt can never become markup.

import { t } from './language.js';

/**
 * @param {string} selector
 * @param {ParentNode} [root]
 * @returns {any} the first such element, or null
 */
export const $ = (selector, root = document) => root.querySelector(selector);
/**
 * @param {string} selector
 * @param {ParentNode} [root]
 * @returns {any[]} all such elements
 */
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

/**
 * el('button.primary', {onclick, title}, 'text', child…): the first argument is a tag with classes, the second holds attributes and on… handlers.
 * @param {string} what
 * @param {Record<string, any>} [attributes]
 * @param {...any} children
 * @returns {any} the element
 */
export function el(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split('.');
  /** @type {any} */
  const node = document.createElement(tag || 'div');
  if (classes.length) node.className = classes.join(' ');
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) node[key] = value;
    else if (value === true) node.setAttribute(key, '');
    else if (value !== false && value != null) node.setAttribute(key, value);
  }
  node.append(...children.flat().filter((child) => child != null && child !== false && child !== ''));
  return node;
}

export const icon = (name) => el(`span.glyph.icon-${name}`, { 'aria-hidden': 'true' });

/** While what a click has begun is not done, the same button takes no other: on a slow line nothing is asked twice. Not for what means something else by then. */
export const once = (act) => (event) => {
  const node = event.currentTarget;
  if (node.ariaBusy === 'true') return;
  const going = act(event);
  if (typeof going?.finally !== 'function') return;
  node.ariaBusy = 'true';
  going.finally(() => { node.ariaBusy = null; });
};

/** A button that shows only an icon; its label is the tooltip and the accessible name. `onclick` may give a promise, see `once`. */
export const iconButton = (name, label, onclick, more = {}) =>
  el('button.tool', { type: 'button', title: label, 'aria-label': label, onclick: once(onclick), ...more }, icon(name));

/** A button with an icon and a word. */
export const button = (name, label, onclick, more = {}) =>
  el('button.action', { type: 'button', title: label, onclick: once(onclick), ...more }, icon(name), el('span', {}, label));

export const heading = (title, ...more) => el('div.tab-head', {}, el('h2', {}, title), ...more);

/** The box of an empty or failed list: one sentence, one hint, perhaps a button. */
export const notice = (title, text, ...buttons) =>
  el('div.notice', {}, el('h2', {}, title), el('p', {}, text), buttons.length > 0 && el('div.row-of-buttons', {}, ...buttons));

/** The same inside a list that stays: whoever hears the page is told of an item, as of any other of a list's. */
export const noticeItem = (title, text, ...buttons) => el('div', { role: 'listitem' }, notice(title, text, ...buttons));

/** Pictures that could not be fetched while the server was away. */
export function fetchPicturesAgain() {
  for (const each of $$('img')) if (each.getAttribute('src') && each.complete && !each.naturalWidth) each.setAttribute('src', each.getAttribute('src'));
}

const SAID = 3;  // what was announced last stays: of two texts at once neither is lost

/** Where a text is heard: what is outside of an open dialog is not. @param {Record<string, string>} [more] */
export const announcer = (more = {}) => el('div.announcer.visually-hidden', { 'aria-live': 'polite', ...more });

/** A text the screen reader says once, also when it is the one before again; only changes of state go here, not every step. */
export function announce(text) {
  const live = $('.announcer', $$('dialog[open]').at(-1) ?? document);
  if (!live) return;
  const line = document.createElement('p');
  line.textContent = text;
  live.append(line);
  while (live.childElementCount > SAID) live.firstElementChild.remove();
}

/** Show a dialog over everything. @param {any} box */
export function openDialog(box) {
  box.append(announcer());
  document.body.append(box);
  box.showModal();
}

export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyBySelection(text);  // plain http on the LAN has no clipboard API, and a browser may refuse it
  }
}

function copyBySelection(text) {
  const area = el('textarea', { class: 'visually-hidden' });
  area.value = text;
  ($('dialog[open]') ?? document.body).append(area);  // outside an open dialog nothing can be selected
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error(t('The browser does not let this page copy.'));
}
