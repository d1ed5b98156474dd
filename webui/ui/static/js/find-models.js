// @ts-check
// Searching Hugging Face and Civitai: cards with what each model is and takes of this machine. Only this machine asks the sites, and only when told.

import { models } from './api.js';
import { button, el, notice } from './dom.js';
import { t } from './language.js';
import { factsOf, fitLines } from './model-words.js';
import { store, stored } from './storage.js';
import { complain } from './toast.js';

const KINDS = [['', t('Any kind')], ['checkpoint', t('Checkpoints')], ['lora', t('LoRAs')], ['embedding', t('Embeddings')], ['vae', t('VAEs')], ['controlnet', t('ControlNets')], ['upscaler', t('Upscalers')]];
const SITES = [['civitai', 'Civitai'], ['hf', 'Hugging Face']];

const select = (label, options, value) => el('select', { 'aria-label': label }, ...options.map(([each, text]) => el('option', { value: each, selected: each === value }, text)));

/**
 * The form and what was found. `get` fetches a model, given what a card was made of.
 * @param {(source: string, kind: string) => unknown} get
 */
export function findModels(get) {
  let turn = 0;
  let asked = {};
  const words = el('input', { type: 'text', placeholder: t('Search models at the sites'), 'aria-label': t('Search models at the sites'), enterkeyhint: 'search' });
  const site = select(t('Site'), SITES, stored('models-site', 'civitai'));
  const kind = select(t('Kind to search for'), KINDS, '');
  const pictures = el('input', { type: 'checkbox', checked: stored('models-pictures', false) });
  const said = el('p.muted', { role: 'status' });
  const list = el('div.found-models', { role: 'list', 'aria-label': t('Models found') });
  const more = button('down', t('More'), () => search(true), { hidden: true });

  async function search(further = false) {
    const mine = ++turn;
    if (!further) asked = { site: site.value, q: words.value.trim(), kind: kind.value };
    said.textContent = t('Searching…');
    try {
      const told = await models.search({ ...asked, ...(further && { cursor: more.dataset.next }) });
      if (mine !== turn) return;
      if (!further) list.replaceChildren();
      list.append(...told.results.map((each) => foundCard(each, pictures.checked, get)));
      said.textContent = t('Asked {asked}.{hint}', { asked: told.asked, hint: list.childElementCount ? '' : t(' It has nothing like that: try other words, or another kind.') });
      more.hidden = !told.next;
      more.dataset.next = told.next;
    } catch (problem) {
      if (mine !== turn) return;
      said.textContent = '';
      if (!further) list.replaceChildren(notice(t('The search failed'), problem.message, button('refresh', t('Try again'), () => search())));
      else complain(problem);
    }
  }

  site.onchange = () => store('models-site', site.value);
  pictures.onchange = () => {
    store('models-pictures', pictures.checked);
    for (const image of /** @type {any[]} */ ([...list.querySelectorAll('img[data-src]')])) showPicture(image, pictures.checked);
  };
  return el('form.find-models', { role: 'search', onsubmit: (event) => { event.preventDefault(); search(); } },
    el('div.get-line', {}, words, site, kind, el('button.action', { type: 'submit' }, el('span.glyph.icon-eye', { 'aria-hidden': 'true' }), el('span', {}, t('Search')))),
    el('label.switch', {}, pictures, el('span', {}, t('Show pictures: this machine fetches them from the site'))),
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
      found.triggers.length > 0 && el('span.muted', {}, t('Say: {triggers}', { triggers: found.triggers.slice(0, 5).join(', ') })),
      fits, found.needs && el('p.danger', {}, found.needs), found.have && el('p', {}, t('You have this.')),
      el('div.row-of-buttons', {},
        button('save', t('Get'), () => get(found.source, ''), { 'aria-label': t('Get {title}', { title: found.title }) }),
        !found.exact && button('eye', t('Look closer'), exactly, { title: t('Asks the site for the first bytes of the file, which say what it is') }),
        found.page && el('a.action', { href: found.page, target: '_blank', rel: 'noopener noreferrer' }, t('Its page')))));
}

function showPicture(image, isShown) {
  if (isShown) image.src = image.dataset.src;
  else image.removeAttribute('src');
}
