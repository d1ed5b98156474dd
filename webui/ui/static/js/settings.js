// @ts-check
/** @import { SettingCard, SettingSection } from './api-types.d.ts' */
// Sections left, fields right. A change is saved at once; a changed field says so and can be put back.

import { page } from './api.js';
import { $, $$, button, el, heading, iconButton, notice } from './dom.js';
import { numberOf } from './exact.js';
import { resetForm } from './form.js';
import { keyCard } from './key-card.js';
import { chosenLanguage, chooseLanguage, languageName, t } from './language.js';
import { webhookCard } from './webhook-card.js';
import { peopleRows } from './people-card.js';
import { startWithDefault } from './presets.js';
import { component, state } from './state.js';
import { complain, toast } from './toast.js';
import { nameField, READ_ONLY, whoSees } from './who.js';

let turn = 0;                    // whatever was asked before the last change is older than that
let saving = Promise.resolve();  // changes reach the server in the order they were made
const wishes = {};               // how often each setting was changed

component('settings', (root) => {
  const search = el('input.search', { type: 'search', placeholder: t('Search settings'), 'aria-label': t('Search settings'), oninput: () => filter(body, search.value) });
  const body = el('div.settings');
  root.append(heading(t('Settings'), el('span.grow'), search), body);
  const load = async () => {
    const mine = ++turn;
    await saving;
    try {
      const { sections, admin, may } = await page.settings();
      if (mine !== turn || body.contains(document.activeElement?.closest('.setting') ?? null)) return;  // nothing is taken from under somebody's hands
      show(body, sections, admin, may);
      filter(body, search.value);
    } catch (problem) {
      if (mine !== turn) return;
      if ($('.setting', body)) complain(problem);
      else body.replaceChildren(notice(t('The settings cannot be read'), problem.message, button('refresh', t('Try again'), load)));
    }
  };
  return { opened: load };
});

/**
 * @param {HTMLElement} body
 * @param {SettingSection[]} sections
 * @param {boolean} admin
 * @param {string[]} may
 */
function show(body, sections, admin, may) {
  const own = [...(may.includes('people') ? [{ title: t('People'), rows: peopleRows() }] : []), ...(may.includes('keys') ? [{ title: t('API keys'), rows: [keyCard(admin)] }] : []), ...(may.includes('webhooks') ? [{ title: t('Webhooks'), rows: [webhookCard()] }] : [])];
  const all = [...sections.map((section) => ({ title: t(section.title), rows: section.fields.map((field) => row(body, field, admin)) })), ...own, { title: t('This browser'), rows: browserRows() }];
  const id = (title) => `section-${title.toLowerCase().replaceAll(' ', '-')}`;
  body.replaceChildren(
    el('nav.sections', { 'aria-label': t('Sections') }, ...all.map(({ title }) => el('a', { href: `#${id(title)}`, onclick: (event) => { event.preventDefault(); document.getElementById(id(title))?.scrollIntoView({ block: 'start' }); } }, title))),
    el('div.narrow', {}, !admin && el('p.read-only', { role: 'note' }, READ_ONLY), ...all.map(({ title, rows }) => el('section.card', { id: id(title) }, el('h3', {}, title), ...rows))),
  );
}

/**
 * @param {HTMLElement} body
 * @param {SettingCard} field
 * @param {boolean} [admin]
 */
function row(body, field, admin = true) {
  const id = `setting-${field.name}`;
  const input = control(field, id);
  input.disabled = !admin;
  const mark = el('span.changed', { hidden: !field.changed }, t('Changed'));
  const back = iconButton('undo', t('Reset {label}', { label: t(field.label) }), () => { save(body, field, null); }, { hidden: !field.changed || !admin });
  const node = el('div.setting', { 'data-name': field.name, 'data-words': `${t(field.label)} ${t(field.description)} ${field.label} ${field.description} ${field.name}`.toLowerCase() },
    el('div.setting-text', {}, el('label', { for: id }, t(field.label)), mark, el('p.muted', {}, t(field.description), field.restart ? t(' Takes effect at the next start.') : '')),
    el('div.setting-value', {}, input, back));
  input.onchange = () => save(body, field, valueOf(field, input));
  return node;
}

/**
 * @param {SettingCard} field
 * @param {string} id
 */
function control(field, id) {
  if (field.kind === 'choice') return el('select', { id }, ...field.choices.map((choice) => el('option', { value: choice, selected: choice === field.value }, field.name === 'language' ? languageName(choice) : t(choice))));
  if (field.kind === 'check') return el('input', { id, type: 'checkbox', role: 'switch', checked: field.value });
  if (field.kind === 'list') { const area = el('textarea', { id, rows: 3, placeholder: t('One per line') }); area.value = field.value; return area; }
  return el('input', { id, type: field.kind === 'number' ? 'number' : 'text', value: field.value, min: field.minimum, max: field.maximum, step: field.kind === 'number' ? field.step : null });
}

/** Empty is back to the default; what is no number is refused by the server, in words. */
const numberIn = (input) => (input.validity.badInput ? 'no number' : input.value === '' ? null : numberOf(input.value));
/**
 * @param {SettingCard} field
 * @param {any} input
 */
const valueOf = (field, input) => (field.kind === 'check' ? input.checked : field.kind === 'number' ? numberIn(input) : input.value);

/**
 * @param {HTMLElement} body
 * @param {SettingCard} field
 */
const rowOf = (body, field) => $(`.setting[data-name="${CSS.escape(field.name)}"]`, body);
const inputOf = (node) => $('input, select, textarea', node);

/**
 * @param {HTMLElement} body
 * @param {SettingCard} field
 * @param {unknown} value
 */
function save(body, field, value) {
  turn += 1;
  const mine = wishes[field.name] = (wishes[field.name] ?? 0) + 1;
  $('.field-error', rowOf(body, field))?.remove();
  saving = saving.then(() => put(body, field, value, () => mine === wishes[field.name]));
  return saving;
}

/** `newest()` says whether this is still what is wished: the answer to an older change is not shown. */
async function put(body, field, value, newest) {
  try {
    const { sections } = await page.setSetting(field.name, value);
    const now = sections.flatMap((section) => section.fields).find((each) => each.name === field.name);
    turn += 1;
    if (field.name === 'language') return location.reload();
    if (newest()) renew(body, now, value);
    toast(value === null ? t('Reset') : now?.restart ? t('Saved. Takes effect at the next start.') : t('Saved'));
  } catch (problem) {
    const node = rowOf(body, field);
    if (!node || !newest()) return complain(problem);
    node.append(el('p.field-error', { role: 'alert' }, problem.message));
    inputOf(node).setAttribute('aria-invalid', 'true');
  }
}

/** Show a setting as it is saved, unless something else is being typed into it. */
function renew(body, field, sent) {
  const node = rowOf(body, field);
  if (!node) return;
  const input = inputOf(node), at = document.activeElement, focused = node.contains(at);
  if (at === input && sent !== null && valueOf(field, input) !== sent) return;
  const fresh = row(body, field);
  fresh.hidden = node.hidden;
  node.replaceWith(fresh);
  if (focused) (at !== input && $('button:not([hidden])', fresh) || inputOf(fresh)).focus();
}

/** What only this browser keeps. */
function browserRows() {
  const name = nameField('setting-owner');
  const setting = (label, text, value, id) => el('div.setting', { 'data-words': `${label} ${text}`.toLowerCase() }, el('div.setting-text', {}, el('label', { for: id }, label), el('p.muted', {}, text)), el('div.setting-value', {}, value));
  const given = setting(t('Your name'), t('Who runs this Darkroom gave it to you with your link. {whoSees}', { whoSees: whoSees() }), el('span', {}, state.owner), 'setting-owner');
  return [state.invited ? given : setting(t('Your name'), t('Shown beside your jobs when several people use this Darkroom. A courtesy, not a lock. {whoSees}', { whoSees: whoSees() }), name, 'setting-owner'),
    setting(t('Language'), t('Of this browser alone. What is kept, and what the engine says, stays as it was written.'), languageField(), 'browser-language'),
    setting(t('Form'), t('Prompt and settings are kept in this browser.'), button('undo', t('Reset form'), () => { resetForm(); startWithDefault(true); }))];
}

/** The languages there are; a file of words that cannot be read is named under the field. */
function languageField() {
  const select = el('select', { id: 'browser-language', onchange: () => chooseLanguage(select.value) }, el('option', { value: '' }, t('As the browser asks')));
  page.languages().then(({ languages, errors }) => {
    select.append(...languages.map((tag) => el('option', { value: tag }, languageName(tag))));
    select.value = chosenLanguage();
    select.after(...Object.entries(errors).map(([file, why]) => el('p.field-error', {}, `${file}: ${why}`)));
  }).catch(complain);
  return select;
}

function filter(body, words) {
  if (!$('.setting', body)) return;  // not here yet
  const wanted = words.trim().toLowerCase().split(/\s+/).filter(Boolean);
  for (const node of $$('.setting', body)) node.hidden = !wanted.every((word) => node.dataset.words.includes(word));
  for (const card of $$('.card', body)) card.hidden = !$('.setting:not([hidden])', card);
  $('.nothing', body)?.remove();
  if (!$('.setting:not([hidden])', body)) body.append(el('div.nothing', {}, notice(t('No setting matches'), t('Try fewer words.'))));
}
