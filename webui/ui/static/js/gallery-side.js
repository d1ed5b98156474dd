// @ts-check
/** @import { PageImage } from './page-types.d.ts' */
// Beside the contact sheet: the picture that was clicked and all that is known of it, or what the chosen ones have in common.

import { images } from './api.js';
import { el } from './dom.js';
import { count } from './format.js';
import { actionsOf, bin } from './image-actions.js';
import { t } from './language.js';
import { parted } from './side-summary.js';
import { parameterRows, viewerSide } from './viewer-side.js';

const MOST_SHOWN = 12;    // small pictures of several
const OWN = [t('Made'), t('File')];
const MOST_READ = 60;     // pictures that are looked at for what they have in common

/**
 * `open(image)` looks at it, `rate(image, marks)` marks it.
 * @param {{open: (image: PageImage) => void, rate: (image: PageImage, marks: {rating?: number, flag?: number}) => void}} doing
 */
export function sheetSide({ open, rate }) {
  const node = el('aside.sheet-side', { 'aria-label': t('Parameters') });
  let drawn = '';

  /** @param {PageImage} image */
  function one(image) {
    const { bin: _, ...rest } = actionsOf(image);
    const side = viewerSide(image, { rate: (marks) => rate(image, marks), bin: () => bin(image), acts: Object.values(rest).filter((each) => each !== null) });
    const large = el('button.side-picture', { type: 'button', title: t('Full size (Space)'), 'aria-label': t('Full size (Space)'), onclick: () => open(image) }, el('img', { src: images.thumb(image.id), alt: '', width: image.width, height: image.height }));
    node.replaceChildren(large, ...side.parts.filter(Boolean));
  }

  /** @param {PageImage[]} some @param {number} many */
  function several(some, many) {
    const known = some.slice(0, MOST_READ);
    const { same, different } = parted(known.map((image) => parameterRows(image, image.request ?? {}).filter(([name]) => !OWN.includes(name)).map(([name, value]) => /** @type {[string, unknown]} */ ([name, value]))), (n) => count(n, 'value'));
    const prompts = [...new Set(known.map((image) => image.request?.prompt ?? '').filter(Boolean))];
    const list = (title, rows, kind = '') => (rows.length ? [el('h3', {}, title), el(`dl${kind}`, {}, rows.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]))] : []);
    node.replaceChildren(el('div.side-pictures', {}, some.slice(0, MOST_SHOWN).map((image) => el('img', { src: images.thumb(image.id), alt: '' }))),
      el('h2', {}, t('{counted} chosen', { counted: count(many, 'picture') })),
      ...(prompts.length ? [el('h3', {}, t('Prompt')), ...prompts.slice(0, 4).map((text) => el('p', {}, text))] : []),
      ...list(t('Different'), different, '.different'), ...list(t('The same'), same));
  }

  return {
    node,
    /** What is shown: of none a hint. @param {PageImage[]} some those that were read @param {number} many */
    draw(some, many = some.length) {
      if (!node.clientWidth) return void (drawn = '');
      const key = [many, ...some.map((image) => `${image.id}${image.rating}${image.flag}`)].join();
      if (key === drawn) return;
      drawn = key;
      const [first] = some;
      if (many > 1) several(some, many);
      else if (first) one(first);
      else node.replaceChildren(el('p.muted', {}, t('Click a picture to see how it was made.')));
    },
  };
}
