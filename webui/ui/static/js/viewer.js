// @ts-check
/** @import { SomeRequest } from './page-types.d.ts' */
/** @import { PageImage } from './page-types.d.ts' */
// One picture of the gallery, large, with everything it was made with. A native dialog: focus trap and Esc for free.

import { here, leaveFor, pictureAddress, visit } from './address.js';
import { images } from './api.js';
import { $, $$, el, iconButton } from './dom.js';
import { pictureActions } from './image-actions.js';
import { parts } from './state.js';
import { shownOwner } from './who.js';
import { stepWords } from './finish-steps.js';
import { placeOf, promptOf, size } from './format.js';

/**
 * `list()` is what ← and → walk through, as it is now; `near` is called when its end is close, `closed(image)` with the picture looked at last.
 * The picture has an address, so that Back closes the viewer and Forward opens it again.
 * @param {() => PageImage[]} list
 * @param {PageImage} image
 * @param {{near?: () => void, closed?: (image: PageImage) => void}} [options]
 */
export function openViewer(list, image, { near = () => {}, closed = () => {} } = {}) {
  let known = list();
  const at = () => {  // pictures come in front while this is open, and a list that was asked for anew may not reach so far yet
    const now = list();
    if (now.some((each) => each.id === image.id)) known = now;
    return known.findIndex((each) => each.id === image.id);
  };
  const box = el('dialog.viewer', { 'aria-label': 'Picture', tabindex: -1 });
  const close = () => box.close();
  const steps = [iconButton('left', 'Newer (←)', () => go(-1)), iconButton('right', 'Older (→)', () => go(1))];
  const next = (by) => { const n = at(); return n < 0 ? undefined : known[n + by]; };
  const mark = () => { for (const [n, by] of [-1, 1].entries()) steps[n].disabled = !next(by); };
  const show = (other) => {
    image = other;
    visit(pictureAddress(image.id), { instead: Boolean(here().picture) });
    box.replaceChildren(large(image), side(image, steps, close), ...$$('#toasts', box));
    mark();
    if (!next(6)) near();
    box.focus();
  };
  const go = (by) => { if (next(by)) show(next(by)); };
  box.onclose = () => {
    box.remove();
    delete parts.viewer;
    if (here().picture) leaveFor('#gallery');
    closed(image);
  };
  box.onclick = (event) => { if (event.target === box) close(); };
  box.onkeydown = (event) => {
    if (event.key === 'ArrowLeft') go(-1);
    if (event.key === 'ArrowRight') go(1);
    if (event.key === 'Delete' && !event.repeat) $('[title^=Delete]', box).click();
  };
  ignoreDoubleClick(box);
  parts.viewer = {
    draw: mark,
    close,
    look: (other) => { if (other.id !== image.id) show(other); },
    removed(gone) {
      if (gone.id !== image.id) return void (known = known.filter((each) => each.id !== gone.id));
      const instead = next(1) ?? next(-1);  // while it is still known
      known = known.filter((each) => each.id !== gone.id);
      if (instead) show(instead);
      else close();
    },
    returned(back) { if (box.open) show(back); },
  };
  document.body.append(box);
  box.showModal();
  show(image);
}

/** The second half of the double click that opened it: it would fall on what has come under the pointer, or close it again. */
function ignoreDoubleClick(box) {
  const opened = performance.now();
  const swallow = (event) => { if (event.detail > 1 && event.timeStamp - opened < 500) event.stopImmediatePropagation(); };
  box.addEventListener('click', swallow, true);
}

/** @param {PageImage} image */
const large = (image) => el('div.viewer-picture', {}, el('img', { src: images.file(image.id), alt: promptOf(image) }));

/**
 * @param {PageImage} image
 * @param {HTMLElement[]} steps
 * @param {() => void} close
 */
function side(image, steps, close) {
  const request = image.request ?? {};
  const text = (title, words) => words && [el('h3', {}, title), el('p', {}, words)];
  return el('div.viewer-side', {},
    el('div.viewer-head', {}, steps, el('span.grow'), iconButton('close', 'Close (Esc)', close)),
    text('Prompt', request.prompt), text('Negative prompt', request.negative_prompt),
    el('dl', {}, rows(image, request).flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, String(value))])),
    image.notes?.length > 0 && el('p.muted', {}, image.notes.join(' ')),
    el('div.acts.column', {}, pictureActions(image, close)));
}

/**
 * @param {PageImage} image
 * @param {SomeRequest} request
 */
function rows(image, request) {
  if (request.mode === 'extras')
    return [['Size', size(image.width, image.height)], ['Extras', stepWords(request.finish ?? [])], ['Made', new Date(image.created).toLocaleString()], ['By', shownOwner(image.owner)], ['File', image.path]].filter(([, value]) => value);
  const second = request.hires && `${request.hires.scale}× ${request.hires.upscaler}`;
  return [['Size', size(image.width, image.height)], ['Seed', image.seed], ['Sampling method', request.sampler], ['Schedule type', request.schedule], ['Sampling steps', request.steps],
    ['CFG Scale', request.guidance], ['Checkpoint', request.checkpoint], ['Where', placeOf(request)], ['Hires. fix', second], ['Finish', stepWords(request.finish ?? [])], ['Denoising strength', request.init && request.strength], ['Clip skip', (request.clip_skip ?? 1) > 1 && request.clip_skip],
    ['Made', new Date(image.created).toLocaleString()], ['By', shownOwner(image.owner)], ['File', image.path]]
    .filter(([, value]) => value !== null && value !== undefined && value !== false && value !== '');
}
