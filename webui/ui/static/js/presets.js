// @ts-check
// Whole forms kept under a name, and prompts used before: two small dialogs beside the prompt.

import { page, words } from './api.js';
import { $, button, el, iconButton, openDialog } from './dom.js';
import { fill, form, useRequest, useValues } from './form.js';
import { t } from './language.js';
import { complain, toast } from './toast.js';

const DEFAULT = 'Default';

/** A dialog with a head, a box for words and rows below. */
function dialog(title, placeholder, oninput) {
  const search = el('input.search', { type: 'search', placeholder, 'aria-label': placeholder, oninput });
  const rows = el('div.pick-list', { role: 'list' });
  const foot = el('div.stacked', {});
  const box = el('dialog.picker', { 'aria-label': title, onclose: () => box.remove(), onclick: (event) => { if (event.target === box) box.close(); } },
    el('div.card-head', {}, el('h2', {}, title), iconButton('close', t('Close (Esc)'), () => box.close())), search, rows, foot);
  openDialog(box);
  return { box, search, rows, foot };
}

export function presets() {
  /** @type {import('./api-types.d.ts').Preset[]} */
  let all = [];
  const { box, search, rows, foot } = dialog(t('Presets'), t('Search presets'), () => show());
  const name = el('input', { type: 'text', 'aria-label': t('Name of the preset'), placeholder: t('Name; Default is what a new form has'), maxlength: 200 });
  const look = async () => {
    try {
      all = (await words.presets()).presets;
      show();
    } catch (problem) {
      complain(problem);
    }
  };
  const keep = async () => {
    try {
      const kept = await words.savePreset(name.value, { ...form.values, ratio: undefined });
      toast(t('Preset {name} saved', { name: kept.name }));
      name.value = '';
      await look();
    } catch (problem) {
      complain(problem);
    }
  };
  const remove = async (preset) => {
    try {
      all = (await words.removePreset(preset.name)).presets;
      show();
    } catch (problem) {
      complain(problem);
    }
  };
  const row = (preset) => el('div.pick-row', { role: 'listitem' },
    el('button.pick', { type: 'button', onclick: () => { box.close(); useRequest(preset.request, { say: t('Preset {name} filled in', { name: preset.name }), keepBatch: false }); } },
      el('span', {}, preset.name), el('span.muted', {}, String(preset.request.prompt ?? '').slice(0, 60))),
    iconButton('trash', t('Delete {name}', { name: preset.name }), () => remove(preset)));
  const show = () => {
    const wanted = search.value.trim().toLowerCase();
    rows.replaceChildren(...all.filter((preset) => preset.name.toLowerCase().includes(wanted)).map(row));
    if (!rows.children.length) rows.append(el('p.muted', { role: 'listitem' }, all.length ? t('No preset matches.') : t('No preset yet. Give the form as it is a name.')));
  };
  name.onkeydown = (event) => { if (event.key === 'Enter') keep(); };
  foot.append(name, button('save', t('Save the form as a preset'), keep));
  look();
}

export function earlierPrompts() {
  let turn = 0;
  const { box, search, rows } = dialog(t('Earlier prompts'), t('Search prompts'), () => look());
  const row = (used) => el('div', { role: 'listitem' },
    el('button.pick', { type: 'button', title: used.negative_prompt && t('Negative: {negative_prompt}', { negative_prompt: used.negative_prompt }), onclick: () => { box.close(); fill({ prompt: used.prompt, negative_prompt: used.negative_prompt }); } },
      el('span', {}, used.prompt || t('Negative: {negative_prompt}', { negative_prompt: used.negative_prompt }))));
  const look = async () => {
    const mine = ++turn;
    try {
      const { prompts } = await words.prompts(search.value);
      if (mine !== turn) return;
      rows.replaceChildren(...prompts.map(row));
      if (!prompts.length) rows.append(el('p.muted', { role: 'listitem' }, search.value ? t('No prompt has these words.') : t('No prompt yet.')));
    } catch (problem) {
      complain(problem);
    }
  };
  look();
  $('input', box)?.focus();
}

/** The preset called Default, as the form's values; nothing where there is none. */
async function ownDefault() {
  const { presets: all } = await words.presets();
  const mine = all.find((preset) => preset.name === DEFAULT);
  return mine ? page.values(mine.request) : null;
}

/** A form that nothing is remembered of starts with one's own Default, unless somebody was quicker (`always`: all the same). */
export async function startWithDefault(always = false) {
  const values = await ownDefault().catch(() => null);
  if (values && (always || !form.values.prompt)) useValues(values, { say: t('Your Default preset filled in') });
}
