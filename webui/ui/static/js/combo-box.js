// @ts-check
// A box with a list of names: type to find one, or a name that is not in the list. With `data-kind=choices` several, as chips in the box.
// After the ARIA Authoring Practices' combobox with a list: the focus stays in the box, arrows go through the list, Escape and Tab close it.

/** @import { Choices, Field, FieldValue, Value } from './page-types.d.ts' */

import { $, el, icon } from './dom.js';
import { t } from './language.js';

/** So many rows of a long list are drawn; typing finds the others. */
const MOST_ROWS = 300;
const GAP = 4, TALLEST = 320;

/**
 * @param {HTMLElement} root
 * @param {(value: FieldValue) => void} take
 * @returns {Field}
 */
export function comboBox(root, take) {
  const input = $('input', root), list = $('ul', root), frame = $('.wrap', root);
  const many = root.dataset.kind === 'choices';
  /** @type {{choices: Choices, value: any, rows: Choices, at: number, typed: boolean}} */
  const it = { choices: [], value: many ? [] : input.value, rows: [], at: -1, typed: false };
  const isOpen = () => input.getAttribute('aria-expanded') === 'true';
  const shownOf = (/** @type {Value} */ value) => it.choices.find((each) => each[1] === value)?.[0] ?? String(value ?? '');

  const chips = () => {
    for (const each of frame.querySelectorAll('.chip')) each.remove();
    const made = it.value.map((/** @type {string} */ name) => el('span.chip', {}, shownOf(name), el('button', { type: 'button', 'aria-label': t('Take out {title}', { title: shownOf(name) }), onclick: () => choose(name) }, icon('close'))));
    input.before(...made);
  };
  const draw = () => {
    it.typed = false;
    if (many) chips();
    input.value = many ? '' : shownOf(it.value);
  };
  const mark = () => {
    for (const row of list.querySelectorAll('.active')) row.classList.remove('active');
    const row = list.children[it.at];
    row?.classList.add('active');
    row?.scrollIntoView({ block: 'nearest' });
    if (row?.id) input.setAttribute('aria-activedescendant', row.id);
    else input.removeAttribute('aria-activedescendant');
  };
  const isChosen = (/** @type {Value} */ value) => (many ? it.value.includes(value) : it.value === value);
  const fillList = () => {
    const wanted = it.typed ? input.value.trim().toLowerCase() : '';
    const found = it.choices.filter(([shown, value]) => !wanted || shown.toLowerCase().includes(wanted) || value.toLowerCase().includes(wanted));
    it.rows = found.slice(0, MOST_ROWS);
    const rest = found.length - it.rows.length;
    list.replaceChildren(
      ...it.rows.map(([shown, value], n) => el('li', { id: `${list.id}-${n}`, role: 'option', 'aria-selected': String(isChosen(value)), title: shown }, shown || t('(none)'))),
      ...(rest ? [el('li.rest', { role: 'presentation' }, t('{n} more: type to find them', { n: rest }))] : []));
    it.at = wanted ? (it.rows.length ? 0 : -1) : it.rows.findIndex(([, value]) => !many && value === it.value);
    mark();
  };
  const place = () => {
    const box = frame.getBoundingClientRect(), below = innerHeight - box.bottom - GAP * 2, above = box.top - GAP * 2;
    const up = below < Math.min(TALLEST, list.scrollHeight) && above > below;
    const tall = Math.max(96, Math.min(TALLEST, up ? above : below));
    list.style.cssText = `inset:auto;left:${box.left}px;width:${box.width}px;max-height:${tall}px;${up ? `bottom:${innerHeight - box.top + GAP}px` : `top:${box.bottom + GAP}px`}`;
  };
  const open = () => {
    if (!isOpen()) {
      input.setAttribute('aria-expanded', 'true');
      list.showPopover?.();
      addEventListener('scroll', place, true);
      addEventListener('resize', place);
    }
    fillList();
    list.hidden = !list.children.length;
    place();
  };
  const close = () => {
    if (!isOpen()) return;
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
    if (list.matches(':popover-open')) list.hidePopover();
    removeEventListener('scroll', place, true);
    removeEventListener('resize', place);
  };
  const choose = (/** @type {Value} */ value) => {
    if (many) it.value = it.value.includes(value) ? it.value.filter((/** @type {Value} */ each) => each !== value) : [...it.value, value];
    const isNew = many || value !== it.value;
    if (!many) it.value = value;
    close();
    draw();
    if (isNew) take(many ? [...it.value] : value);
  };
  const commit = () => {
    if (!it.typed) return;
    const text = input.value.trim();
    const known = it.choices.find(([shown, value]) => [shown, value].some((each) => each.toLowerCase() === text.toLowerCase()));
    if (known && !(many && isChosen(known[1]))) choose(known[1]);
    else if (text && !many) choose(text);
    else draw();
  };

  input.addEventListener('input', (/** @type {Event} */ event) => { event.stopPropagation(); it.typed = true; open(); });
  input.addEventListener('pointerdown', () => { if (!isOpen()) requestAnimationFrame(() => { if (document.activeElement === input) { open(); input.select(); } }); });
  input.addEventListener('blur', () => { close(); commit(); });
  input.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey) return;
    const by = /** @type {Record<string, number>} */ ({ ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 })[event.key];
    if (by) {
      event.preventDefault();
      if (!isOpen()) return open();
      const last = it.rows.length - 1, next = it.at + by;
      it.at = Math.abs(by) > 1 ? Math.max(0, Math.min(last, next)) : next > last ? 0 : next < 0 ? last : next;
      return mark();
    }
    if (event.key === 'Enter') {
      event.preventDefault();
      const row = isOpen() ? it.rows[it.at] : undefined;
      if (row) choose(row[1]);
      else { close(); commit(); }
    } else if (event.key === 'Escape' && (isOpen() || it.typed)) {
      event.stopPropagation();
      close();
      draw();
    } else if (event.key === 'Tab') close();
    else if (event.key === 'Backspace' && many && !input.value && it.value.length) choose(it.value.at(-1));
  });
  list.addEventListener('pointerdown', (/** @type {Event} */ event) => event.preventDefault());  // the box keeps the focus
  list.addEventListener('click', (/** @type {any} */ event) => {
    const row = it.rows[[...list.children].indexOf(event.target.closest('li'))];
    if (row) choose(row[1]);
  });
  frame.addEventListener('click', (/** @type {any} */ event) => { if (event.target !== input && !event.target.closest('.chip')) { input.focus(); open(); } });
  return {
    show(value) {
      it.value = many ? (Array.isArray(value) ? value : []) : value;
      draw();
      if (isOpen()) fillList();
    },
    choices(choices) {
      it.choices = choices;
      if (!it.typed) draw();
      if (isOpen()) fillList();
    },
    commit,
    held: () => undefined,
  };
}
