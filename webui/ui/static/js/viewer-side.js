// @ts-check
/** @import { PageImage, SomeRequest } from './page-types.d.ts' */
// What is said beside a large picture: marks, prompt, parameters, and what else can be done with it.

import { stepWords } from './finish-steps.js';
import { el, iconButton } from './dom.js';
import { placeOf, size } from './format.js';
import { count, dateAndTime, t } from './language.js';
import { shownOwner } from './who.js';

/**
 * @param {PageImage} image
 * @param {{rate: (marks: {rating?: number, flag?: number}) => void, bin: () => Promise<void>, acts: any[]}} doing
 */
export function viewerSide(image, { rate, bin, acts }) {
  const request = image.request ?? {};
  const text = (title, words) => (words ? [el('h2', {}, title), el('p', {}, words)] : []);
  const marks = marksBar(image, rate, bin);
  return {
    marks,
    parts: [marks.node, ...text(t('Prompt'), request.prompt), ...text(t('Negative prompt'), request.negative_prompt),
      el('dl', {}, parameterRows(image, request).flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, String(value))])),
      (image.notes?.length ?? 0) > 0 ? el('p.muted', {}, (image.notes ?? []).join(' ')) : '',
      el('div.acts.column', {}, acts)],
  };
}

/** Stars, keep, reject, delete. */
function marksBar(image, rate, bin) {
  const stars = [1, 2, 3, 4, 5].map((n) => el('button.star', { type: 'button', title: `${count(n, 'star')} (${n})`, 'aria-label': count(n, 'star'), onclick: () => rate({ rating: image.rating === n ? 0 : n }) }, '★'));
  const keep = iconButton('flag', t('Keep (P)'), () => rate({ flag: image.flag === 1 ? 0 : 1 }));
  const reject = iconButton('close', t('Reject (X)'), () => rate({ flag: image.flag === -1 ? 0 : -1 }));
  const node = el('div.rate', { role: 'group', 'aria-label': t('Marks') }, el('span.stars', {}, stars), el('span.grow'), keep, reject, iconButton('trash', t('Delete (Del)'), bin));
  const draw = () => {
    stars.forEach((star, n) => star.setAttribute('aria-pressed', String((image.rating ?? 0) > n)));
    keep.setAttribute('aria-pressed', String(image.flag === 1));
    reject.setAttribute('aria-pressed', String(image.flag === -1));
  };
  draw();
  return { node, draw };
}

/**
 * Names and values of how a picture was made.
 * @param {PageImage} image
 * @param {SomeRequest} request
 * @returns {any[][]}
 */
export function parameterRows(image, request) {
  if (request.mode === 'extras')
    return [[t('Size'), size(image.width, image.height)], [t('Extras'), stepWords(request.finish ?? [])], [t('Made'), dateAndTime(image.created)], [t('By'), shownOwner(image.owner)], [t('File'), image.path]].filter(([, value]) => value);
  const second = request.hires && `${request.hires.scale}× ${request.hires.upscaler}`;
  return [[t('Size'), size(image.width, image.height)], [t('Seed'), image.seed], [t('Sampling method'), request.sampler], [t('Schedule type'), request.schedule], [t('Sampling steps'), request.steps],
    [t('CFG Scale'), request.guidance], [t('Checkpoint'), request.checkpoint], [t('Where'), placeOf(request)], [t('Hires. fix'), second], [t('Finish'), stepWords(request.finish ?? [])], [t('Denoising strength'), request.init && request.strength], [t('Clip skip'), (request.clip_skip ?? 1) > 1 && request.clip_skip],
    [t('Made'), dateAndTime(image.created)], [t('By'), shownOwner(image.owner)], [t('File'), image.path]]
    .filter(([, value]) => value !== null && value !== undefined && value !== false && value !== '');
}
