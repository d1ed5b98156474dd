// @ts-check
// Above the canvas and its results: the sizes, what new sides begin as, and the results made from this picture, one after another, each to be accepted or discarded.

/** @import { PageImage } from './page-types.d.ts' */

import { images } from './api.js';
import { anySide, extended } from './canvas-region.js';
import { el, icon, iconButton, once } from './dom.js';
import { fill, form } from './form.js';
import { size } from './format.js';
import { count as counted, t } from './language.js';
import { draw, hasCanvas, live, parts, shownImage, state, watchedJob } from './state.js';

const FILLS = [['edge', t('Edge colours')], ['mirror', t('Mirror image')], ['noise', t('Noise')], ['telea', t('Grown edges')], ['patch match', t('Copied parts')]];

/**
 * The bar's parts. `bin(image)` moves a picture to the bin, with the way back.
 * @param {any} mask the canvas
 * @param {(image: PageImage) => Promise<void>} bin
 */
export function canvasBar(mask, bin) {
  const sizes = el('output.canvas-size', { 'aria-label': t('Size of the picture') });
  const fills = el('select.canvas-fill', { 'aria-label': t('New sides begin as'), title: t('New sides begin as'), onchange: () => fill({ 'outpaint.fill': fills.value }) }, FILLS.map(([value, label]) => el('option', { value }, label)));
  const count = el('span.canvas-count');
  const accept = el('button.action.primary.accept', { type: 'button', title: t('Start the next one from this result (Enter)'), onclick: () => take() }, icon('check'), el('span', {}, t('Accept')));
  const discard = el('button.action', { type: 'button', title: t('Move this result to the bin (Backspace)'), onclick: once(() => drop()) }, el('span', {}, t('Discard')));
  const results = el('div.canvas-results', { role: 'group', 'aria-label': t('Results') }, iconButton('left', t('Result before (←)'), () => flip(-1)), count, iconButton('right', t('Next result (→)'), () => flip(1)), accept, discard);
  const original = el('img.picture-before', { alt: t('The picture that it was made from'), hidden: true, draggable: 'false' });

  /** The results made from the picture on the canvas, in the order in which they were made. */
  const made = () => {
    const { image } = state.source;
    return image ? state.images.filter(({ request }) => request?.init && (request.init === image || mask.isTint(request.init))).reverse() : [];
  };
  const shown = () => (hasCanvas() && state.view === 'result' && !live(watchedJob()) ? made().find(({ id }) => id === state.shown) : undefined);
  const flip = (/** @type {number} */ by) => {
    const all = made(), at = all.findIndex(({ id }) => id === state.shown);
    const next = at < 0 || state.view === 'mask' ? all.at(at < 0 ? -1 : at) : all[Math.min(Math.max(at + by, 0), all.length - 1)];
    if (next) parts.stage.choose(next);
  };
  const take = () => {
    const image = shown();
    if (image) mask.accept(image);
    return Boolean(image);
  };
  const drop = async () => {
    const image = shown(), all = made();
    if (!image) return;
    const next = all[all.indexOf(image) + 1] ?? all[all.indexOf(image) - 1];
    await bin(image);
    if (!next) state.view = 'mask';
    else if (state.images.every(({ id }) => id !== image.id)) state.shown = next.id;
    draw();
  };
  const compare = (/** @type {boolean} */ on) => {
    const image = on ? shownImage() : null, source = state.source;
    original.hidden = !image || !shown() || !source.image;
    if (original.hidden || !image) return;
    original.src = images.file(source.image);
    placeOver(original, image, source);
  };
  addEventListener('keyup', ({ key }) => { if (key.toLowerCase() === 'o') compare(false); });
  addEventListener('blur', () => compare(false));

  return {
    original,
    nodes: [sizes, fills, results],
    /** What a key does to the results: while nothing else has the focus, or what leads to them. @param {KeyboardEvent} event @param {boolean} free */
    key(event, free) {
      const near = free || (event.target instanceof Element && event.target.closest('#generate, .canvas-bar'));
      if (!near || event.ctrlKey || event.metaKey || event.altKey || !shown()) return false;
      if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') return flip(event.key === 'ArrowLeft' ? -1 : 1), true;
      if (event.key === 'Enter') return free && take();
      if (event.key === 'Backspace') return drop(), true;
      if (event.key.toLowerCase() === 'o') return compare(true), true;
      return false;
    },
    /** @param {boolean} masking whether the canvas is seen @param {boolean} covered whether no picture is */
    show(masking, covered) {
      const { source } = state, on = hasCanvas(), result = covered ? undefined : shown();
      const all = on ? made() : [];
      const { size: whole } = extended({ width: source.width ?? 0, height: source.height ?? 0 }, mask.sides());
      sizes.hidden = !masking;
      sizes.textContent = on ? [size(source.width, source.height), anySide(mask.sides()) && size(whole.width, whole.height)].filter(Boolean).join(' → ') : '';
      fills.hidden = !masking || !anySide(mask.sides());
      fills.value = String(form.values['outpaint.fill'] ?? 'edge');
      results.hidden = !all.length || live(watchedJob()) || !(masking || result);
      accept.hidden = discard.hidden = !result;
      const at = all.findIndex(({ id }) => id === state.shown);
      count.textContent = result ? t('{at} of {all}', { at: at + 1, all: all.length }) : counted(all.length, 'result');
      if (!result) original.hidden = true;
    },
  };
}

/** The start picture exactly over the part of the result that it became. */
function placeOver(original, image, source) {
  const box = original.parentNode.querySelector('.picture'), out = image.request?.outpaint;
  const wide = out ? source.width + (out.left ?? 0) + (out.right ?? 0) : source.width, high = out ? source.height + (out.top ?? 0) + (out.bottom ?? 0) : source.height;
  const across = box.offsetWidth / wide, down = box.offsetHeight / high;
  original.style.cssText = `left:${box.offsetLeft + (out?.left ?? 0) * across}px;top:${box.offsetTop + (out?.top ?? 0) * down}px;width:${source.width * across}px;height:${source.height * down}px`;
}
