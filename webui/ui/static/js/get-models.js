// @ts-check
// "Get a model": an address, what the site has for it, and the list of downloads.

import { models, page } from './api.js';
import { button, el } from './dom.js';
import { findModels } from './find-models.js';
import { form, generateWith } from './form.js';
import { bytesOf as megabytes, factsOf, fitLines } from './model-words.js';
import { forget, store, stored } from './storage.js';
import { state } from './state.js';
import { complain, toast } from './toast.js';

const WAITING = 'picture-waits-for';  // the download that a typed picture waits for
const HOW = 'hf:owner/repository, civitai:VERSION, or an address copied from the browser';

/** The fold, what to call when the tab opens, and what to call with a download that has changed. */
export function getModels() {
  const rows = new Map();  // by id
  const list = el('div.models', { role: 'list', 'aria-label': 'Downloads' });
  const offer = el('div');
  const starters = el('details.starters');
  const offline = el('p.danger', { hidden: true }, 'Darkroom is offline: nothing is asked of any site, and nothing is fetched.');
  const source = el('input', { type: 'text', placeholder: HOW, 'aria-label': 'Model to get', spellcheck: 'false', autocomplete: 'off' });
  const begin = async () => { await act(() => models.download(source.value), (told) => { show(told); source.value = ''; offer.replaceChildren(); }); };
  const look = () => act(() => models.look(source.value), (found) => offer.replaceChildren(card(found)));
  const node = el('details.card.get-models', {}, el('summary', {}, 'Get a model'),
    el('p.muted', {}, 'From Hugging Face, Civitai or a plain address. The site learns that you ask for it; nothing else leaves this machine.'),
    offline, el('div.get-line', {}, source, button('eye', 'Look', look), button('down', 'Get', begin)), offer, list, starters,
    findModels((wanted, kind) => act(() => models.download(wanted, kind), (told) => { show(told); toast(`Getting ${told.title}`); })));

  function show(told) {
    const fresh = row(told);
    rows.get(told.id)?.replaceWith(fresh);
    if (!rows.has(told.id)) list.append(fresh);
    rows.set(told.id, fresh);
    if (told.error === 'Removed.') { fresh.remove(); rows.delete(told.id); }
    if (stored(WAITING, '') === told.id && !['running', 'waiting'].includes(told.state)) arrived(told);
  }

  /** What the picture waited for is here, or will not come. */
  async function arrived(told) {
    if (told.state === 'paused') return;
    forget(WAITING);
    if (told.state !== 'done') return;
    const look = () => page.lookAgain().then(() => models.find({ kind: 'checkpoint', sort: '-added', limit: 20 }));
    await act(look, ({ models: found }) => {
      const name = found.find((each) => each.file === told.target)?.name;
      if (!name) return;
      toast(`${told.title} is here. Making your picture with it.`);
      generateWith(name).catch(complain);
    });
  }

  const getAndMake = (each) => act(() => models.download(each.source, each.kind), (told) => {
    store(WAITING, told.id);
    toast(`Your picture is made when ${each.title} has arrived.`);
    show(told);
  });

  function row(told) {
    const share = told.size ? Math.min(told.received / told.size, 1) : 0;
    const running = told.state === 'running' || told.state === 'waiting';
    const kind = told.error.includes('Resume with a kind:') && el('select', { 'aria-label': 'Kind of model' }, ...told.error.split('kind: ')[1].replace('.', '').split(', ').map((each) => el('option', { value: each }, each.replaceAll('_', ' '))));
    const figures = [`${megabytes(told.received)}${told.size ? ` of ${megabytes(told.size)}` : ''}`, running && told.speed > 0 && `${megabytes(told.speed)}/s`, running && told.left_s != null && `${Math.ceil(told.left_s)} s left`].filter(Boolean).join(' · ');
    return el('div.download', { role: 'listitem', 'data-id': told.id },
      el('span', {}, told.title), el('span.muted', {}, `${told.state} · ${figures}`), el('progress', { max: 1, value: share, 'aria-label': `${told.title} received` }),
      told.error && el('p.danger', {}, told.error),
      el('div.row-of-buttons', {}, kind,
        running && button('pause', 'Pause', () => act(() => models.pause(told.id), show)),
        (told.state === 'paused' || told.state === 'failed') && button('play', 'Resume', () => act(() => models.resume(told.id, kind ? kind.value : ''), show)),
        button('close', told.state === 'done' ? 'Take off the list' : 'Remove', () => act(() => models.remove(told.id), show))));
  }

  async function opened() {
    node.hidden = !state.admin;
    if (!state.admin) return;
    await act(() => models.downloads(), ({ downloads, offline: isOffline }) => { offline.hidden = !isOffline; rows.clear(); list.replaceChildren(); downloads.forEach(show); node.open ||= downloads.length > 0; });
    await act(models.starters, ({ starters: all, checkpoints }) => {
      node.open ||= checkpoints <= 1;
      if (!starters.childElementCount) starters.open = checkpoints <= 1;
      starters.replaceChildren(el('summary', {}, 'Models to begin with'), checkpoints <= 1 && el('p.muted', {}, 'The model that comes with Darkroom draws 150 simple things at 128 pixels. These draw everything:') || '', ...all.map(starter));
    });
  }

  const starter = (each) => el('div.download', {},
    el('span', {}, each.title), el('span.muted', {}, `${each.kind} · ${each.licence} · ${megabytes(each.size)}`),
    el('p.muted', {}, each.why), ...fitLines(each.kind === 'checkpoint' ? each.fits : []),
    el('div.row-of-buttons', {},
      button('down', `Get ${each.title}`, () => act(() => models.download(each.source, each.kind), show)),
      each.kind === 'checkpoint' && form.values.prompt && button('play', 'Get it, then make my picture', () => getAndMake(each))));

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
