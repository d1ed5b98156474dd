// @ts-check
// The form's folds: remembered open per browser, and a closed one says what in it differs from the default.

import { $, $$, el } from './dom.js';
import { chainWords } from './finish-steps.js';
import { t } from './language.js';
import { store, stored } from './storage.js';

const heads = () => $$('[id^=fold-] > button.label-wrap');
const nameOf = (head) => head.closest('[id^=fold-]').id.replace(/^fold-/, '');

export function watchFolds() {
  for (const head of $$('#form button.label-wrap')) head.onclick = () => {
    openFold(head, head.ariaExpanded !== 'true');
    if (head.parentElement.id.startsWith('fold-')) store('folds', heads().filter((each) => each.ariaExpanded === 'true').map(nameOf));
  };
}

/** Open or close a fold by its head. @param {HTMLElement} head */
export function openFold(head, isOpen = true) {
  head.setAttribute('aria-expanded', String(isOpen));
  head.classList.toggle('open', isOpen);
  /** @type {HTMLElement} */ (head.nextElementSibling).hidden = !isOpen;
}

export function reopenFolds() {
  const open = stored('folds', []);
  for (const head of heads()) if (open.includes(nameOf(head))) openFold(head);
}

/** A forgotten Hires. fix is the classic surprise: the title tells. */
export function summarise(form) {
  for (const [name, fields] of Object.entries(form.folds)) {
    const head = $(`#fold-${CSS.escape(name)} > button.label-wrap`);
    if (!head) continue;
    const text = summary(name, fields, form);
    const note = $('.summary', head) ?? head.appendChild(el('span.summary'));
    if (note.textContent !== text) note.textContent = text;
  }
}

/**
 * What a closed fold says: what in it differs from the default.
 * @param {string} name
 * @param {string[]} fields
 * @param {Pick<import('./page-types.d.ts').FormFacts, 'values' | 'defaults' | 'labels'>} form
 */
export function summary(name, fields, { values, defaults, labels }) {
  if (name === 'hires') return values['hires.enabled'] ? `${larger(values)} ${values['hires.upscaler']}` : '';
  if (name === 'finish') return chainWords(values.finish);
  const part = fields.find((field) => field.endsWith('.enabled'));
  if (part) return values[part] ? t('On') : '';
  const changed = fields.filter((field) => String(values[field] ?? '') !== String(defaults[field] ?? ''));  // an emptied box gives '' or null, two lists are never one
  const told = changed.slice(0, 2).map((field) => (values[field] === true ? t(labels[field]) : values[field] === false ? t('no {label}', { label: t(labels[field]) }) : `${t(labels[field])} ${values[field] ?? ''}`));
  return [...told, changed.length > 2 && t('{n} more', { n: changed.length - 2 })].filter(Boolean).join(', ');
}

function larger(values) {
  const [width, height] = [values['hires.width'], values['hires.height']];
  return width || height ? [width || t('auto'), height || t('auto')].join(' × ') : `${values['hires.scale']}×`;
}
