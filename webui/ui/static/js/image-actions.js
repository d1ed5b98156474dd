// @ts-check
/** @import { PageImage } from './page-types.d.ts' */
// What can be done with a picture: under the result, and in the viewer.

import { images } from './api.js';
import { button, copyText, el, icon } from './dom.js';
import { sendToExtras, sourceOf } from './extras-tray.js';
import { reuse, secondPass, sendTo } from './form.js';
import { t } from './language.js';
import { undoable } from './last-undo.js';
import { placeOf } from './picture-list.js';
import { draw, parts, state } from './state.js';
import { complain, toast } from './toast.js';

/**
 * The buttons for one picture by what they do; `close` runs before those that lead elsewhere (the viewer goes away). Those that mean nothing for it are null.
 * @param {PageImage} image
 * @param {() => void} [close]
 */
export function actionsOf(image, close = () => {}) {
  const after = (act) => () => { close(); return act(image); };
  const made = Boolean(image.request) && image.request?.mode !== 'extras';
  const source = sourceOf(image);
  return {
    reuse: made ? button('reuse', t('Reuse parameters'), after(reuse)) : null,
    vary: made ? button('grid', t('Vary from here'), after(varyFrom), { class: 'action in-viewer' }) : null,
    img2img: button('picture', t('Send to img2img'), after((it) => sendTo('img2img', it))),
    inpaint: button('brush', t('Send to inpaint'), after((it) => sendTo('inpaint', it))),
    extras: button('enlarge', t('Send to Extras'), after(sendToExtras)),
    source: source ? el('a', { href: images.file(source), target: '_blank', title: t('The picture that this one was made of'), class: 'action roomy' }, icon('open'), el('span', {}, t('Source'))) : null,
    second: made ? button('twice', t('Second pass'), after(secondPass), { title: t('Second pass: the same seed with Hires. fix, larger'), class: 'action roomy' }) : null,
    download: el('a', { href: `${images.file(image.id)}?download=1`, download: nameOf(image), title: t('Download'), class: 'action compact' }, icon('save'), el('span', {}, t('Download'))),
    pixels: globalThis.ClipboardItem ? button('picture', t('Copy picture'), async () => (await import('./copy-picture.js')).copyPicture(image), { class: 'action in-viewer' }) : null,  // none without https but on this machine
    copy: image.request ? button('copy', t('Copy parameters'), () => copyParameters(image), { class: 'action compact' }) : null,
    bin: button('trash', t('Delete'), () => bin(image), { class: 'action compact' }),
  };
}

/**
 * All of them in a row.
 * @param {PageImage} image
 * @param {() => void} [close]
 */
export const pictureActions = (image, close) => Object.values(actionsOf(image, close)).filter((each) => each !== null);

/** The form says what the picture was made with; then somebody chooses what varies. @param {PageImage} image */
async function varyFrom(image) {
  await reuse(image);
  parts.vary?.choose();
}

/** @param {PageImage} image */
const nameOf = (image) => (image.path ?? '').split('/').at(-1) || `darkroom-${image.seed}.png`;

/** @param {PageImage} image */
async function copyParameters(image) {
  try {
    await copyText((await images.parameters(image.id)).text);
    toast(t('Parameters copied'));
  } catch (problem) {
    complain(problem);
  }
}

/**
 * Moved to the bin without a question; the toast brings it back.
 * @param {PageImage} image
 */
export async function bin(image) {
  try {
    await images.bin(image.id);
  } catch (problem) {
    return complain(problem);
  }
  const at = state.images.findIndex((each) => each.id === image.id);
  if (at >= 0) state.images.splice(at, 1);
  if (state.shown === image.id) state.shown = state.images[Math.min(Math.max(at, 0), state.images.length - 1)]?.id ?? null;
  state.total -= 1;
  for (const part of Object.values(parts)) part.removed?.(image);
  draw();
  toast(t('Moved to the bin'), { action: { label: t('Undo'), run: undoable(() => restore(image, at >= 0)) } });
}

/**
 * @param {PageImage} image
 * @param {boolean} wasShown
 */
async function restore(image, wasShown) {
  try {
    await images.restore(image.id);
  } catch (problem) {
    return complain(problem);
  }
  state.total += 1;
  if (wasShown) {
    if (!state.images.some((each) => each.id === image.id)) state.images.splice(placeOf(image, state.images), 0, image);  // others have come meanwhile
    state.shown = image.id;
  }
  for (const part of Object.values(parts)) part.returned?.(image);
  draw();
}
