// @ts-check
// Searching Hugging Face and Civitai: cards with what each model is and takes of this machine. Only this machine asks the sites, and only when told.

import { models } from './api.js';
import { button, el, notice } from './dom.js';
import { factsOf, fitLines } from './model-words.js';
import { store, stored } from './storage.js';
import { complain } from './toast.js';

const KINDS = [['', 'Any kind'], ['checkpoint', 'Checkpoints'], ['lora', 'LoRAs'], ['embedding', 'Embeddings'], ['vae', 'VAEs'], ['controlnet', 'ControlNets'], ['upscaler', 'Upscalers']];
const SITES = [['civitai', 'Civitai'], ['hf', 'Hugging Face']];

const select = (label, options, value) => el('select', { 'aria-label': label }, ...options.map(([each, text]) => el('option', { value: each, selected: each === value }, text)));

/**
 * The form and what was found. `get` fetches a model, given what a card was made of.
 * @param {(source: string, kind: string) => unknown} get
 */
export function findModels(get) {
  let turn = 0;
  let asked = {};
  const words = el('input', { type: 'text', placeholder: 'Search models at the sites', 'aria-label': 'Search models at the sites', enterkeyhint: 'search' });
  const site = select('Site', SITES, stored('models-site', 'civitai'));
  const kind = select('Kind to search for', KINDS, '');
  const pictures = el('input', { type: 'checkbox', checked: stored('models-pictures', false) });
  const said = el('p.muted', { role: 'status' });
  const list = el('div.found-models', { role: 'list', 'aria-label': 'Models found' });
  const more = button('down', 'More', () => search(true), { hidden: true });

  async function search(further = false) {
    const mine = ++turn;
    if (!further) asked = { site: site.value, q: words.value.trim(), kind: kind.value };
    said.textContent = 'Searching…';
    try {
      const told = await models.search({ ...asked, ...(further && { cursor: more.dataset.next }) });
      if (mine !== turn) return;
      if (!further) list.replaceChildren();
      list.append(...told.results.map((each) => foundCard(each, pictures.checked, get)));
      said.textContent = `Asked ${told.asked}.${list.childElementCount ? '' : ' It has nothing like that: try other words, or another kind.'}`;
      more.hidden = !told.next;
      more.dataset.next = told.next;
    } catch (problem) {
      if (mine !== turn) return;
      said.textContent = '';
      if (!further) list.replaceChildren(notice('The search failed', problem.message, button('refresh', 'Try again', () => search())));
      else complain(problem);
    }
  }

  site.onchange = () => store('models-site', site.value);
  pictures.onchange = () => {
    store('models-pictures', pictures.checked);
    for (const image of /** @type {any[]} */ ([...list.querySelectorAll('img[data-src]')])) showPicture(image, pictures.checked);
  };
  return el('form.find-models', { role: 'search', onsubmit: (event) => { event.preventDefault(); search(); } },
    el('div.get-line', {}, words, site, kind, el('button.action', { type: 'submit' }, el('span.glyph.icon-eye', { 'aria-hidden': 'true' }), el('span', {}, 'Search'))),
    el('label.switch', {}, pictures, el('span', {}, 'Show pictures: this machine fetches them from the site')),
    said, list, more);
}

function foundCard(found, withPicture, get) {
  const image = found.picture && el('img', { alt: '', loading: 'lazy', 'data-src': found.picture });
  if (image) showPicture(image, withPicture);
  const fits = el('div', {}, ...fitLines(found.fits));
  const facts = el('span.muted', {}, factsOf(found));
  const exactly = async () => {
    try {
      const told = await models.look(found.source);
      fits.replaceChildren(...fitLines(told.fits));
      facts.textContent = factsOf(told);
    } catch (problem) {
      complain(problem);
    }
  };
  return el('article.card.found-model', { role: 'listitem' },
    image || el('span.no-preview'),
    el('div.found-words', {}, el('strong', {}, found.title), facts,
      found.triggers.length > 0 && el('span.muted', {}, `Say: ${found.triggers.slice(0, 5).join(', ')}`),
      fits, found.needs && el('p.danger', {}, found.needs), found.have && el('p', {}, 'You have this.'),
      el('div.row-of-buttons', {},
        button('down', 'Get', () => get(found.source, ''), { 'aria-label': `Get ${found.title}` }),
        !found.exact && button('eye', 'Look closer', exactly, { title: 'Asks the site for the first bytes of the file, which say what it is' }),
        found.page && el('a.action', { href: found.page, target: '_blank', rel: 'noopener noreferrer' }, 'Its page'))));
}

function showPicture(image, isShown) {
  if (isShown) image.src = image.dataset.src;
  else image.removeAttribute('src');
}
