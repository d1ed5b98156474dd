// One picture of the gallery, large, with everything it was made with. A native dialog: focus trap and Esc for free.

import { images } from './api.js';
import { el, iconButton } from './dom.js';
import { pictureActions } from './actions.js';
import { promptOf, size } from './words.js';

/** `list` is what ← and → walk through; `near` is called when its end is close. */
export function openViewer(list, image, near = () => {}) {
  let at = list.findIndex((each) => each.id === image.id);
  const box = el('dialog.viewer', { 'aria-label': 'Picture' });
  const close = () => box.close();
  const show = () => { box.replaceChildren(large(list[at]), side(list, at, go, close)); if (at > list.length - 6) near(); };
  const go = (by) => { if (list[at + by]) { at += by; show(); box.focus(); } };
  box.onclose = () => box.remove();
  box.onclick = (event) => { if (event.target === box) close(); };
  box.onkeydown = (event) => {
    if (event.key === 'ArrowLeft') go(-1);
    if (event.key === 'ArrowRight') go(1);
  };
  show();
  document.body.append(box);
  box.showModal();
}

const large = (image) => el('div.viewer-picture', {}, el('img', { src: images.file(image.id), alt: promptOf(image) }));

function side(list, at, go, close) {
  const image = list[at];
  const request = image.request ?? {};
  const text = (title, words) => words && [el('h3', {}, title), el('p', {}, words)];
  return el('div.viewer-side', {},
    el('div.viewer-head', {}, iconButton('left', 'Newer (←)', () => go(-1), { disabled: at < 1 }), iconButton('right', 'Older (→)', () => go(1), { disabled: !list[at + 1] }),
      el('span.grow'), iconButton('close', 'Close (Esc)', close)),
    text('Prompt', request.prompt), text('Negative prompt', request.negative_prompt),
    el('dl', {}, rows(image, request).flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, String(value))])),
    image.notes?.length > 0 && el('p.muted', {}, image.notes.join(' ')),
    el('div.acts.column', {}, pictureActions(image, close)));
}

function rows(image, request) {
  const second = request.hires && `${request.hires.scale}× ${request.hires.upscaler}`;
  return [['Size', size(image.width, image.height)], ['Seed', image.seed], ['Sampling method', request.sampler], ['Schedule type', request.schedule], ['Sampling steps', request.steps],
    ['CFG Scale', request.guidance], ['Checkpoint', request.checkpoint], ['Hires. fix', second], ['Denoising strength', request.init && request.strength], ['Clip skip', request.clip_skip > 1 && request.clip_skip],
    ['Made', new Date(image.created).toLocaleString()], ['By', image.owner !== 'local' && image.owner], ['File', image.path]]
    .filter(([, value]) => value !== null && value !== undefined && value !== false && value !== '');
}
