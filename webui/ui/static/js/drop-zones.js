// @ts-check
// While a picture hangs over the page: fields that say what each would do with it. Dropped beside them it does what the open tab does.

import { el, icon } from './dom.js';
import { putFiles } from './extras-tray.js';
import { upload } from './form.js';
import { t } from './language.js';
import { applyPicture } from './prompt-tools.js';
import { state } from './state.js';
import { go } from './tabs.js';

const GONE = 250;  // ms without a dragover: it has left the page, or was let go elsewhere

/** @type {{icon: string, title: string, about: string, take: (file: File, all: File[]) => unknown}[]} */
const ZONES = [
  { icon: 'reuse', title: t('Fill in its parameters'), about: t('The form changes, with Undo'), take: (file) => { if (state.tab !== 'txt2img') go('txt2img'); return applyPicture(file); } },
  { icon: 'picture', title: t('Start picture'), about: t('img2img with your own settings'), take: (file) => upload(file, 'img2img') },
  { icon: 'brush', title: t('Paint on it'), about: t('inpaint with your own settings'), take: (file) => upload(file, 'inpaint') },
  { icon: 'enlarge', title: t('Extras'), about: t('Enlarge and finish, one or many'), take: (_file, all) => { go('extras'); return putFiles(all); } },
];

const isPicture = (/** @type {DataTransferItem} */ item) => item.kind === 'file' && item.type.startsWith('image/');

export function watchDropZones() {
  const zones = ZONES.map((zone) => el('div.drop-zone', {}, icon(zone.icon), el('b', {}, zone.title), el('span.muted', {}, zone.about)));
  const overlay = el('div.drop-zones', { 'aria-hidden': 'true', hidden: true }, zones);
  let timer = 0;
  const hide = () => { clearTimeout(timer); overlay.hidden = true; };
  const over = (/** @type {DragEvent} */ event) => (event.target instanceof Element ? zones.indexOf(event.target.closest('.drop-zone')) : -1);
  document.body.append(overlay);
  document.addEventListener('dragover', (event) => {
    if (![...(event.dataTransfer?.items ?? [])].some(isPicture) || document.querySelector('dialog[open]')) return;
    overlay.hidden = false;
    const at = over(event);
    zones.forEach((zone, n) => zone.toggleAttribute('data-over', n === at));
    clearTimeout(timer);
    timer = setTimeout(hide, GONE);
  });
  document.addEventListener('drop', (event) => {
    const at = over(event), all = [...(event.dataTransfer?.files ?? [])].filter((file) => file.type.startsWith('image/'));
    hide();
    if (at < 0 || !all.length) return;
    event.preventDefault();
    event.stopImmediatePropagation();  // it has been taken: the open tab gets nothing
    ZONES[at].take(all[0], all);
  }, true);
}
