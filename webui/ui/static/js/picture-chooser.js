// @ts-check
/** @import { PageImage } from './page-types.d.ts' */
// One picture of the gallery is chosen, by a query or among the newest.

import { images } from './api.js';
import { el, iconButton } from './dom.js';
import { promptOf, size } from './format.js';
import { t } from './language.js';

const SHOWN = 60;
const CALM = 200;  // ms after the last key

/**
 * Open it over `parent`; `choose(image)` is told once. Those with an id of `taken` are left out.
 * @param {HTMLElement} parent
 * @param {readonly string[]} taken
 * @param {(image: PageImage) => void} choose
 */
export function choosePicture(parent, taken, choose) {
  let timer = 0, turn = 0;
  const list = el('div.chooser-list', { role: 'group', 'aria-label': t('Pictures') });
  const said = el('p.muted', { role: 'status' });
  const box = el('input.search', { type: 'search', 'aria-label': t('Search prompts'), placeholder: t('owl  model:…  steps>20  kept'), oninput: () => { clearTimeout(timer); timer = setTimeout(show, CALM); } });
  const dialog = el('dialog.picker.chooser', { 'aria-label': t('Add a picture'), onclose: () => dialog.remove(), onkeydown: (/** @type {KeyboardEvent} */ event) => event.stopPropagation(), onclick: (/** @type {MouseEvent} */ event) => { if (event.target === dialog) dialog.close(); } },
    el('div.chooser-head', {}, box, iconButton('close', t('Close'), () => dialog.close())), said, list);
  const tile = (/** @type {PageImage} */ image) => el('button.chooser-picture', { type: 'button', title: promptOf(image), 'aria-label': `${promptOf(image)}, ${size(image.width, image.height)}`, onclick: () => { dialog.close(); choose(image); } }, el('img', { src: images.thumb(image.id), alt: '', loading: 'lazy' }));

  async function show() {
    const mine = ++turn;
    try {
      const told = await images.page({ q: box.value.trim(), limit: SHOWN });
      if (mine !== turn) return;
      const some = told.images.filter((image) => !taken.includes(image.id));
      list.replaceChildren(...some.map(tile));
      said.textContent = some.length ? '' : t('No picture matches');
    } catch (problem) {
      if (mine === turn) said.textContent = problem instanceof Error ? problem.message : String(problem);
    }
  }
  parent.append(dialog);
  dialog.showModal();
  box.focus();
  show();
}
