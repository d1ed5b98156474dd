// @ts-check
// The Models tab: a plain list with search. What is kept of a model (favourite, notes, tags) is saved at once.

import { models } from './api.js';
import { $, button, el, heading, noticeItem } from './dom.js';
import { getModels } from './get-models.js';
import { number, t } from './language.js';
import { convertLine, exportButton, usedLine } from './model-keeping.js';
import { fitLines } from './model-words.js';
import { component, state } from './state.js';
import { complain, toast } from './toast.js';

const PAGE = 100;
let turn = 0;   // an older answer is not shown
let typing = 0;

component('models', (root) => {
  const it = {
    wish: { q: '', kind: '', favourite: false, sort: 'name' },
    which: '',
    cursor: '',
    list: el('div.models', { role: 'list', 'aria-label': t('Models') }),
    count: el('span.muted', { role: 'status' }),
    more: button('down', t('Show more'), () => load(it, true), { hidden: true }),
    hashing: el('p.muted', { hidden: true }),
  };
  it.kind = el('select', { 'aria-label': t('Kind'), onchange: () => { it.wish.kind = it.kind.value; load(it); } }, el('option', { value: '' }, t('All kinds')));
  const search = el('input.search', { type: 'search', placeholder: t('Search models'), 'aria-label': t('Search models'), oninput: () => { it.wish.q = search.value; clearTimeout(typing); typing = setTimeout(() => load(it), 150); } });
  const sort = el('select', { 'aria-label': t('Order'), onchange: () => { it.wish.sort = sort.value; load(it); } },
    ...[['name', t('By name')], ['-added', t('Newest first')], ['-size', t('Largest first')]].map(([value, text]) => el('option', { value }, text)));
  const which = el('select', { 'aria-label': t('Which models'), onchange: () => { it.which = which.value; load(it); } },
    ...[['', t('All models')], ['duplicates', t('There twice')], ['unused', t('Unused for a year')]].map(([value, text]) => el('option', { value }, text)));
  const favourite = el('input', { type: 'checkbox', onchange: () => { it.wish.favourite = favourite.checked; load(it); } });
  const get = getModels();
  root.append(heading(t('Models'), it.count, el('span.grow'), it.kind, which, sort, el('label.switch', {}, favourite, el('span', {}, t('Favourites'))), search), get.node, it.hashing, it.list, it.more);
  return { opened: () => { which.hidden = !state.admin; open(it); get.opened(); }, hashing: (told) => tellHashing(it, told), download: get.told };
});

async function open(it) {
  if (state.tab !== 'models') return;
  load(it);
  try {
    const { kinds, hashing } = await models.overview();
    it.kind.replaceChildren(el('option', { value: '' }, t('All kinds')), ...Object.entries(kinds).filter(([, count]) => count).map(([kind, count]) => el('option', { value: kind, selected: kind === it.wish.kind }, `${t(kind.replaceAll('_', ' '))} (${count})`)));
    tellHashing(it, hashing);
  } catch (problem) {
    complain(problem);
  }
}

function tellHashing(it, { done, total, current }) {
  it.hashing.hidden = !current || done >= total;
  it.hashing.textContent = t('Hashing: {done} of {total} files, now {current}', { done, total, current });
}

async function load(it, further = false) {
  const mine = ++turn;
  const { favourite, ...words } = it.wish;
  const query = { ...words, limit: PAGE, ...(favourite && { favourite }), ...(further && { cursor: it.cursor }) };
  try {
    const { models: found, total, next } = await (it.which ? inOrder(it) : models.find(query));
    if (mine !== turn || (!further && it.list.contains(document.activeElement?.closest('textarea, input') ?? null))) return;  // nothing is taken from under somebody's hands
    it.cursor = next;
    it.more.hidden = !next;
    it.count.textContent = `${total}`;
    if (!further) it.list.replaceChildren();
    it.list.append(...found.map((model) => el('div', { role: 'listitem' }, row(model))));
    if (!total && it.which) it.list.append(noticeItem(it.which === 'unused' ? t('Every model was used within a year') : t('No model is there twice'), it.which === 'unused' ? '' : t('As far as files are hashed.')));
    else if (!total) it.list.append(noticeItem(t('No model matches'), t('Try fewer words, or put files into the models folder: they appear here by themselves.')));
  } catch (problem) {
    if (mine === turn) it.list.replaceChildren(noticeItem(t('The models cannot be listed'), problem.message, button('refresh', t('Try again'), () => load(it))));
  }
}

/** What could go: models with the same content, side by side, or those that nothing has used for a year, the largest first. */
async function inOrder({ which, wish }) {
  const found = which === 'unused' ? (await models.unused()).models : (await models.duplicates()).groups.flat();
  const fits = found.filter((model) => !wish.kind || model.kind === wish.kind);
  return { models: fits, total: fits.length, next: '' };
}

const size = (bytes) => (bytes >= 1e9 ? t('{n} GB', { n: number(bytes / 1e9, 2) }) : t('{n} MB', { n: number(Math.max(bytes / 1e6, 0.01), bytes >= 1e7 ? 0 : 2) }));

function row(model) {
  const facts = [t(model.kind.replaceAll('_', ' ')), model.variant, model.base || model.family_title, model.network, model.dtype, size(model.size)].filter(Boolean).join(' · ');
  const node = el('details.card.model', { 'data-id': model.id, ontoggle: () => { if (node.open && !$('.model-more', node)) fill(node, model); } },
    el('summary', {},
      model.preview ? el('img', { src: models.preview(model.id), alt: '', loading: 'lazy' }) : el('span.no-preview'),
      el('span.model-name', {}, model.kept.favourite ? '★ ' : '', model.name, model.title && model.title !== model.name && el('span.muted', {}, ` ${model.title}`)),
      el('span.muted', {}, facts)),
    model.error && el('p.danger', {}, model.error));
  return node;
}

async function fill(node, model) {
  const save = async (changes, said) => {
    try {
      await models.change(model.id, changes);
      toast(said);
    } catch (problem) {
      complain(problem);
    }
  };
  const area = (value, label, act) => { const input = el('textarea', { rows: 2, 'aria-label': label, disabled: !state.admin, onchange: () => act(input.value) }); input.value = value; return el('label.stacked', {}, label, input); };
  const star = el('input', { type: 'checkbox', checked: model.kept.favourite, disabled: !state.admin, onchange: () => save({ favourite: star.checked }, star.checked ? t('A favourite now') : t('No favourite any more')) });
  const more = el('div.model-more', {},
    line(t('Trigger words'), model.triggers.join(', ')), line(t('Licence'), model.licence), line(t('Author'), model.author), line(t('Trained on'), model.trained),
    line(t('Tags'), model.tags.join(', ')), line(t('Hash'), model.autov2 && t('{autov2} (sha256 {sha256})', { autov2: model.autov2, sha256: model.sha256 })), line(t('File'), model.file), line('', model.note),
    el('label.switch', {}, star, el('span', {}, t('Favourite'))),
    state.admin && el('div.row-of-buttons', {},
      button('eye', t('Recognise at Civitai (tells the site that you have this file)'), () => models.recognise(model.id).then((known) => toast(t('This is {title}', { title: known.title })), complain)),
      exportButton(model),
      button('trash', t('Move to the bin'), () => models.discard(model.id).then(({ moved_to: where }) => { node.remove(); toast(t('Moved to {where}', { where })); }, complain))),
    state.admin && convertLine(model),
    area(model.kept.notes, t('Notes'), (notes) => save({ notes }, t('Notes saved'))),
    area(model.kept.tags.join(', '), t('Own tags, with commas'), (text) => save({ tags: text.split(',').map((tag) => tag.trim()).filter(Boolean) }, t('Tags saved'))));
  node.append(more);
  try {
    const { fits, same, used } = await models.get(model.id);
    more.prepend(...[...fitLines(fits), usedLine({ ...model, used }), same.length > 0 && el('p.muted', {}, t('{same} more with the same content.', { same: same.length }))].filter(Boolean));
  } catch (problem) {
    more.prepend(el('p.danger', {}, problem.message));
  }
}

const line = (label, text) => text && el('p', {}, label && el('span.muted', {}, `${label}: `), text);
