// @ts-check
/** @import { PageImage, SomeRequest } from './page-types.d.ts' */
// What is said beside a large picture: marks, prompt, parameters, and what else can be done with it.

import { stepWords } from './finish-steps.js';
import { el, iconButton } from './dom.js';
import { placeOf, size } from './format.js';
import { shownOwner } from './who.js';

/**
 * @param {PageImage} image
 * @param {{rate: (marks: {rating?: number, flag?: number}) => void, bin: () => Promise<void>, acts: any[]}} doing
 */
export function viewerSide(image, { rate, bin, acts }) {
  const request = image.request ?? {};
  const text = (title, words) => (words ? [el('h3', {}, title), el('p', {}, words)] : []);
  const marks = marksBar(image, rate, bin);
  return {
    marks,
    parts: [marks.node, ...text('Prompt', request.prompt), ...text('Negative prompt', request.negative_prompt),
      el('dl', {}, rows(image, request).flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, String(value))])),
      (image.notes?.length ?? 0) > 0 ? el('p.muted', {}, (image.notes ?? []).join(' ')) : '',
      el('div.acts.column', {}, acts)],
  };
}

/** Stars, keep, reject, delete. */
function marksBar(image, rate, bin) {
  const stars = [1, 2, 3, 4, 5].map((n) => el('button.star', { type: 'button', title: `${n} ${n === 1 ? 'star' : 'stars'} (${n})`, 'aria-label': `${n} ${n === 1 ? 'star' : 'stars'}`, onclick: () => rate({ rating: image.rating === n ? 0 : n }) }, '★'));
  const keep = iconButton('flag', 'Keep (P)', () => rate({ flag: image.flag === 1 ? 0 : 1 }));
  const reject = iconButton('close', 'Reject (X)', () => rate({ flag: image.flag === -1 ? 0 : -1 }));
  const node = el('div.rate', { role: 'group', 'aria-label': 'Marks' }, el('span.stars', {}, stars), el('span.grow'), keep, reject, iconButton('trash', 'Delete (Del)', bin));
  const draw = () => {
    stars.forEach((star, n) => star.setAttribute('aria-pressed', String((image.rating ?? 0) > n)));
    keep.setAttribute('aria-pressed', String(image.flag === 1));
    reject.setAttribute('aria-pressed', String(image.flag === -1));
  };
  draw();
  return { node, draw };
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
