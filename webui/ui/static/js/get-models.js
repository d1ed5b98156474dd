// @ts-check
// "Get a model": an address, what the site has for it, and the list of downloads.

import { models } from './api.js';
import { button, el } from './dom.js';
import { findModels } from './find-models.js';
import { form } from './form.js';
import { t } from './language.js';
import { bytesOf as megabytes, comeOf, factsOf, fitLines } from './model-words.js';
import { getAndMake, isRemoved } from './picture-waits.js';
import { state } from './state.js';
import { complain, toast } from './toast.js';

const HOW = t('hf:owner/repository, civitai:VERSION, or an address copied from the browser');

/** The fold, what to call when the tab opens, and what to call with a download that has changed. */
export function getModels() {
  const rows = new Map();  // by id
  const list = el('div.models', { role: 'list', 'aria-label': t('Downloads') });
  const offer = el('div');
  const starters = el('details.starters');
  const offline = el('p.danger', { hidden: true }, t('Darkroom is offline: nothing is asked of any site, and nothing is fetched.'));
  const source = el('input', { type: 'text', placeholder: HOW, 'aria-label': t('Model to get'), spellcheck: 'false', autocomplete: 'off', oninput: () => offer.replaceChildren() });
  const begin = async () => { await act(() => models.download(source.value), (told) => { show(told); source.value = ''; offer.replaceChildren(); }); };
  const look = async () => {
    offer.replaceChildren(el('p.muted', { role: 'status' }, t('Looking…')));  // what was found before is no answer to this
    try {
      offer.replaceChildren(card(await models.look(source.value)));
    } catch (problem) {
      offer.replaceChildren(el('p.danger', { role: 'alert' }, problem.message));
    }
  };
  const node = el('details.card.get-models', {}, el('summary', {}, t('Get a model')),
    el('p.muted', {}, t('From Hugging Face, Civitai or a plain address. The site learns that you ask for it; nothing else leaves this machine.')),
    offline, el('div.get-line', {}, source, button('eye', t('Look'), look), button('save', t('Get'), begin)), offer, list, starters,
    findModels((wanted, kind) => act(() => models.download(wanted, kind), (told) => { show(told); toast(t('Getting {title}', { title: told.title })); })));

  function show(told) {
    const fresh = row(told);
    rows.get(told.id)?.replaceWith(fresh);
    if (!rows.has(told.id)) list.append(fresh);
    rows.set(told.id, fresh);
    if (isRemoved(told)) { fresh.remove(); rows.delete(told.id); }
  }

  function row(told) {
    const share = told.size ? Math.min(told.received / told.size, 1) : 0;
    const running = told.state === 'running' || told.state === 'waiting';
    const kind = told.error.includes('Resume with a kind:') && el('select', { 'aria-label': t('Kind of model') }, ...told.error.split('kind: ')[1].replace('.', '').split(', ').map((each) => el('option', { value: each }, each.replaceAll('_', ' '))));
    return el('div.download', { role: 'listitem', 'data-id': told.id },
      el('span', {}, told.title), el('span.muted', {}, `${told.state} · ${comeOf(told)}`), el('progress', { max: 1, value: share, 'aria-label': t('{title} received', { title: told.title }) }),
      told.note && el('p.muted', {}, told.note),
      told.error && el('p.danger', {}, told.error),
      el('div.row-of-buttons', {}, kind,
        running && button('pause', t('Pause'), () => act(() => models.pause(told.id), show)),
        (told.state === 'paused' || told.state === 'failed') && button('play', t('Resume'), () => act(() => models.resume(told.id, kind ? kind.value : ''), show)),
        button('close', told.state === 'done' ? t('Take off the list') : t('Remove'), () => act(() => models.remove(told.id), show))));
  }

  async function opened() {
    node.hidden = !state.admin;
    if (!state.admin) return;
    await act(() => models.downloads(), ({ downloads, offline: isOffline }) => { offline.hidden = !isOffline; rows.clear(); list.replaceChildren(); downloads.forEach(show); node.open ||= downloads.length > 0; });
    await act(models.starters, ({ starters: all, checkpoints }) => {
      node.open ||= checkpoints <= 1;
      if (!starters.childElementCount) starters.open = checkpoints <= 1;
      starters.replaceChildren(el('summary', {}, t('Models to begin with')), checkpoints <= 1 && el('p.muted', {}, t('The model that comes with Darkroom draws 150 simple things at 128 pixels. These draw everything:')) || '', ...all.map(starter));
    });
  }

  const starter = (each) => el('div.download', {},
    el('span', {}, each.title), el('span.muted', {}, `${t(each.kind)} · ${each.licence} · ${megabytes(each.size)}`),
    el('p.muted', {}, t(each.why)), ...fitLines(each.kind === 'checkpoint' ? each.fits : []),
    el('div.row-of-buttons', {},
      button('save', t('Get {title}', { title: each.title }), () => act(() => models.download(each.source, each.kind), show)),
      each.kind === 'checkpoint' && form.values.prompt && button('play', t('Get it, then make my picture'), () => getAndMake(each).catch(complain))));

  return { node, opened, told: show };
}

async function act(ask, then) {
  try {
    then(await ask());
  } catch (problem) {
    complain(problem);
  }
}

function card(found) {
  return el('div', {}, el('p', {}, found.title), el('p.muted', {}, [factsOf(found), found.files.map((file) => file.path).join(', ')].filter(Boolean).join(' · ')), ...fitLines(found.fits), found.needs && el('p.danger', {}, found.needs));
}
