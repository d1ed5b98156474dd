// @ts-check
// The fold of styles and wildcards: what there is, put into the prompt by a click; styles kept and taken away.

import { words } from './api.js';
import { $, button, el, openDialog } from './dom.js';
import { fill, form } from './form.js';
import { t } from './language.js';
import { matching } from './lora-tags.js';
import { component } from './state.js';
import { complain, toast } from './toast.js';
import { typeInto } from './typing.js';
import { setApart, withStyles } from './word-tags.js';

component('words', (root) => {
  /** @type {any} */
  const it = { wildcards: [], folders: [] };
  const search = el('input.search', { type: 'search', placeholder: t('Search wildcards'), 'aria-label': t('Search wildcards'), oninput: () => show(it) });
  it.search = search;
  it.rows = el('div.pick-list.words', { role: 'list', 'aria-label': t('Wildcards') });
  it.note = el('p.muted', {});
  root.append(
    el('div.row-of-buttons', {}, button('paste', t('Put into prompt'), putIn), button('save', t('Save as style'), () => save(it)), button('trash', t('Delete style'), remove)),
    search, it.rows, it.note, button('refresh', t('Look for wildcards'), () => look(it)));
  const seen = new IntersectionObserver((entries) => {
    if (!entries.some((each) => each.isIntersecting)) return;
    seen.disconnect();
    look(it);
  });
  seen.observe(root);
  return {};
});

/** @param {any} it */
async function look(it) {
  try {
    const told = await words.wildcards();
    it.wildcards = told.wildcards;
    it.folders = told.folders;
    show(it);
  } catch (problem) {
    complain(problem);
  }
}

/** @param {any} it */
function show(it) {
  /** @type {import('./api-types.d.ts').Wildcard[]} */
  const all = it.wildcards;
  const found = matching(all, it.search.value).slice(0, 200);
  it.rows.replaceChildren(...found.map(row));
  it.note.textContent = it.wildcards.length ? (found.length ? '' : t('No wildcard matches.')) : t('No wildcard yet. Put .txt files into {folder}.', { folder: it.folders[0] ?? 'wildcards' });
  it.note.hidden = !it.note.textContent;
}

/** @param {import('./api-types.d.ts').Wildcard} wildcard */
const row = (wildcard) => el('div', { role: 'listitem' },
  el('button.pick', { type: 'button', title: wildcard.error || wildcard.note || wildcard.path, disabled: Boolean(wildcard.error), onclick: () => insert(wildcard.name) },
    el('span', {}, wildcard.name), el('span.muted', {}, wildcard.error || `${wildcard.values}`)));

/** @param {string} name */
function insert(name) {
  const area = $('#prompt textarea');
  const at = area.selectionEnd ?? area.value.length;
  typeInto(area, at, at, setApart(area.value.slice(0, at), `__${name}__`));
}

/** The chosen styles' words in the prompts themselves, where they can be changed. */
async function putIn() {
  const chosen = /** @type {string[]} */ (form.values.styles ?? []);
  if (!chosen.length) return toast(t('Choose a style first'));
  try {
    const { styles } = await words.styles();
    fill({ ...withStyles(styles, chosen, String(form.values.prompt ?? ''), String(form.values.negative_prompt ?? '')), styles: [] });
  } catch (problem) {
    complain(problem);
  }
}

/** @param {any} it */
function save(it) {
  const name = el('input', { type: 'text', 'aria-label': t('Name of the style'), placeholder: t('Name') });
  const keep = async () => {
    try {
      await words.saveStyle({ name: name.value, prompt: String(form.values.prompt ?? ''), negative_prompt: String(form.values.negative_prompt ?? '') });
      box.close();
      toast(t('Style {name} saved', { name: name.value }));
      $('#refresh')?.click();
    } catch (problem) {
      complain(problem);
    }
  };
  const box = el('dialog.picker', { 'aria-label': t('Save as style'), onclose: () => box.remove() },
    el('h2', {}, t('Save the prompts as a style')), name,
    el('div.row-of-buttons', {}, button('save', t('Save'), keep), button('close', t('Cancel'), () => box.close())));
  name.onkeydown = (event) => { if (event.key === 'Enter') keep(); };
  openDialog(box);
  return it;
}

async function remove() {
  const chosen = /** @type {string[]} */ (form.values.styles ?? []);
  if (!chosen.length) return toast(t('Choose a style first'));
  try {
    for (const name of chosen) await words.removeStyle(name);
    fill({ styles: [] });
    toast(chosen.length > 1 ? t('{n} styles deleted', { n: chosen.length }) : t('Style {name} deleted', { name: chosen[0] }));
    $('#refresh')?.click();
  } catch (problem) {
    complain(problem);
  }
}
