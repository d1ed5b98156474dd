// @ts-check
/** @import { Findable } from './find-words.js' */
// Find (Ctrl+K): every place, action, field, setting and model, by our word or by A1111's. And the list of keys (?).

import { ALSO_ACTIONS, ALSO_FIELDS, ALSO_PLACES } from './a1111-words.js';
import { page } from './api.js';
import { $, $$, el, iconButton, openDialog } from './dom.js';
import { ranked } from './find-words.js';
import { form, openFoldOf, resetForm } from './form.js';
import { showKeys } from './key-list.js';
import { t } from './language.js';
import { earlierPrompts, presets } from './presets.js';
import { use } from './shelf-use.js';
import { known, learnOnce } from './shelf-models.js';
import { inStudio, MODES, parts, state } from './state.js';
import { go, switchTheme } from './tabs.js';

const KINDS = { action: t('Action'), place: t('Place'), field: t('Field'), setting: t('Setting'), model: t('Model') };
const LIST = 'find-list';

/** The button of the bar. The second click of a double click meant what was there before. */
export const findButton = () => {
  const node = iconButton('search', t('Find (Ctrl+K)'), (/** @type {MouseEvent} */ event) => { if (event.detail < 2) openFind(); }, { 'aria-keyshortcuts': 'Control+K', class: 'tool find-button' });
  node.append(el('span.find-words', { 'aria-hidden': 'true' }, t('Find'), ' ', el('kbd')));
  return node;
};

/** Open it, or close it where it is open. True: the key was ours. */
export function openFind() {
  const open = $('dialog.find[open]');
  if (open) open.close();
  else if (!$('dialog[open]')) build();
  return true;
}

function build() {
  const it = { entries: /** @type {Findable[]} */ ([]), shown: /** @type {Findable[]} */ ([]), at: 0 };
  const box = el('input.search', { type: 'search', role: 'combobox', placeholder: t('Anything here, by our word or by A1111’s'), 'aria-label': t('Find'), 'aria-controls': LIST, 'aria-expanded': 'true', 'aria-autocomplete': 'list', autocomplete: 'off', oninput: () => { it.at = 0; show(); } });
  const list = el('ul.find-list', { id: LIST, role: 'listbox', 'aria-label': t('Found') });
  const none = el('p.muted', { role: 'status' });
  const dialog = el('dialog.picker.find', { 'aria-label': t('Find'), onclose: () => dialog.remove(), onclick: (/** @type {any} */ event) => { if (event.target === dialog && event.detail < 2) dialog.close(); } }, box, list, none);
  const choose = (/** @type {Findable | undefined} */ entry) => { if (entry) { dialog.close(); entry.run(); } };
  const mark = () => {
    for (const [n, row] of [...list.children].entries()) row.setAttribute('aria-selected', String(n === it.at));
    const row = list.children[it.at];
    if (row) box.setAttribute('aria-activedescendant', row.id);
    else box.removeAttribute('aria-activedescendant');
    row?.scrollIntoView({ block: 'nearest' });
  };
  function show() {
    it.shown = [...ranked(it.entries, box.value), ...inPictures(box.value)];
    list.replaceChildren(...it.shown.map((entry, n) => el('li', { id: `find-${n}`, role: 'option', onclick: () => choose(entry) }, el('span', {}, entry.title), el('span.muted', {}, [entry.hint, KINDS[entry.kind]].filter(Boolean).join(' · ')))));
    none.textContent = it.shown.length > (box.value.trim() ? 1 : 0) ? '' : t('Nothing here is named so.');
    mark();
  }
  box.onkeydown = (/** @type {KeyboardEvent} */ event) => {
    const by = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
    if (by) it.at = Math.max(0, Math.min(it.shown.length - 1, it.at + by));
    else if (event.key === 'Enter') choose(it.shown[it.at]);
    else if (event.key === 'Escape') dialog.close();  // of itself it empties the box first
    else return;
    event.preventDefault();
    mark();
  };
  openDialog(dialog);
  box.focus();
  const gather = (/** @type {Findable[]} */ more) => { it.entries = [...it.entries, ...more]; if (dialog.isConnected) show(); };
  gather([...actions(), ...places(), ...fields()]);
  learnOnce().then(() => gather(models()), () => {});  // who may not, or is offline, finds the rest
  page.settings().then(({ sections }) => gather(settings(sections)), () => {});
}

/** @returns {Findable[]} */
function actions() {
  const press = (/** @type {string} */ what) => () => { if (!inStudio()) go(state.mode); $(what)?.click(); };
  const act = (/** @type {string} */ title, /** @type {() => unknown} */ run, also = '') => /** @type {Findable} */ ({ kind: 'action', title, run, also });
  return [
    act(t('Generate'), press('#generate'), ALSO_ACTIONS.generate),
    act(t('Stop'), () => parts.run?.stop(), ALSO_ACTIONS.stop),
    act(t('LoRA, embeddings and styles on the shelf'), () => parts.shelf?.toggle(), ALSO_ACTIONS.shelf),
    act(t('Presets'), presets, ALSO_ACTIONS.presets),
    act(t('Earlier prompts'), earlierPrompts, ALSO_ACTIONS.prompts),
    act(t('Vary a field'), () => parts.vary?.choose(), ALSO_ACTIONS.vary),
    act(t('Look for model files again'), press('#refresh'), ALSO_ACTIONS.refresh),
    act(t('Reset form'), resetForm, ALSO_ACTIONS.reset),
    act(t('Dark or light'), switchTheme, ALSO_ACTIONS.theme),
    act(t('Keys'), showKeys, ALSO_ACTIONS.keys),
  ];
}

/** @returns {Findable[]} */
const places = () => $$('#nav > .tab-wrapper [role=tab]').filter((tab) => tab.textContent.trim() && tab.id.startsWith('tab-')).map((tab) => {
  const name = tab.id.replace(/^tab-|-button$/g, '');
  return { kind: 'place', title: tab.textContent.trim(), also: `${ALSO_PLACES[name] ?? ''} ${name}`, run: () => go(name) };
});

/** @returns {Findable[]} */
const fields = () => Object.entries(form.labels).filter(([name]) => form.names.includes(name)).map(([name, label]) => {
  const hint = foldTitle(name);
  return { kind: 'field', title: t(label), also: `${ALSO_FIELDS[name] ?? ''} ${name.endsWith('.enabled') ? hint : ''} ${label} ${name.replaceAll(/[._]/g, ' ')}`, hint, run: () => showField(name) };
});

/** @param {string} name */
function foldTitle(name) {
  const fold = Object.keys(form.folds).find((key) => form.folds[key].includes(name));
  const head = fold && $(`#fold-${CSS.escape(fold)} > button.label-wrap > span`);
  return head ? head.textContent.trim() : '';
}

/**
 * Open the tab and the fold in which a field is, and put the focus there; in this mode if it has the field.
 * @param {string} name
 */
async function showField(name) {
  const inFold = Object.keys(form.folds).find((key) => form.folds[key].includes(name));
  for (const mode of new Set([state.mode, ...MODES])) {
    if (state.tab !== mode) go(mode);
    await pause(50);
    parts.dock?.reveal();
    if (inFold && !$(`#fold-${CSS.escape(inFold)}`)?.offsetParent) continue;
    openFoldOf(name);
    const control = await seen(`#${CSS.escape(name.replaceAll('.', '-'))} :is(input:not([type=file]), textarea, select, button)`, inFold ? 60 : 2);
    if (control) return look(control);
  }
}

const pause = (/** @type {number} */ milliseconds) => new Promise((next) => { setTimeout(next, milliseconds); });

/** @param {HTMLElement} control */
function look(control) {
  control.scrollIntoView({ block: 'center' });
  control.focus({ preventScroll: true });
}

/**
 * The first such element once it is seen; null where none comes within so many twentieths of a second.
 * @param {string} selector
 * @param {number} tries
 */
async function seen(selector, tries) {
  for (let n = 0; n < tries; n += 1) {
    const node = $(selector);
    if (node?.offsetParent) return node;
    await pause(50);
  }
  return null;
}

/**
 * @param {import('./api-types.d.ts').SettingSection[]} sections
 * @returns {Findable[]}
 */
const settings = (sections) => sections.flatMap((section) => section.fields.map((field) => ({
  kind: /** @type {const} */ ('setting'), title: t(field.label), also: `${t(field.description)} ${field.label} ${field.name.replaceAll('_', ' ')}`, hint: t(section.title), run: () => showSetting(field.name),
})));

/** @param {string} name */
async function showSetting(name) {
  go('settings');
  const control = await seen(`#setting-${CSS.escape(name)}`, 100);
  if (control) look(control);
}

/** @returns {Findable[]} */
const models = () => known.cards.filter((card) => !card.error).map((card) => ({
  kind: 'model', title: card.title && card.title !== card.name ? `${card.name} · ${card.title}` : card.name, also: `${card.alias} ${card.triggers.join(' ')} ${card.kind}`, hint: card.family_title, run: () => { if (!inStudio()) go(state.mode); use(card); },
}));

/**
 * The same words in the gallery.
 * @param {string} query
 * @returns {Findable[]}
 */
const inPictures = (query) => (query.trim() ? [{ kind: 'action', title: t('Search pictures for {query}', { query: query.trim() }), run: () => lookIn(query.trim()) }] : []);

/** @param {string} query */
async function lookIn(query) {
  await go('gallery');
  parts.gallery?.look?.(query);
}
