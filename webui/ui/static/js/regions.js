// @ts-check
// The regions that a step works on: shown over a picture before it runs, each left out or taken in by a click.

/** @import { RegionList } from './api-types.d.ts' */
/** @import { Step } from './finish-steps.js' */

import { extras, images } from './api.js';
import { button, el } from './dom.js';
import { count } from './format.js';
import { t } from './language.js';

const SVG = 'http://www.w3.org/2000/svg';

/**
 * `look()` gives the id of the picture to look at; `set(boxes)` gets the boxes that were chosen, none where all are to be found anew.
 * @param {Step} step
 * @param {() => string | null | undefined} look
 * @param {(boxes: number[][]) => void} set
 */
export function regionsField(step, look, set) {
  const said = el('p', { role: 'status' });
  const picture = el('div.regions-picture', {});
  const chosen = step.regions?.length ?? 0;
  said.textContent = chosen ? t('{regions} chosen by hand.', { regions: count(chosen, 'region') }) : '';
  const anew = button('eye', t('Show regions'), () => show(step, look, set, { said, picture }));
  return el('div.step-regions', {}, anew, picture, said);
}

async function show(step, look, set, { said, picture }) {
  const image = look();
  if (!image) {
    said.textContent = t('Choose a picture first: regions are looked for in the one to work on.');
    return;
  }
  said.textContent = t('Looking…');
  try {
    const found = await extras.regions(image, { ...step, regions: [] });
    set([]);
    picture.replaceChildren(el('img', { src: images.asRead(image), alt: '' }), boxes(found, (kept) => {
      set(kept.length === found.regions.length ? [] : kept);
      said.textContent = words(found, kept.length);
    }));
    said.textContent = words(found, found.regions.length);
  } catch (problem) {
    picture.replaceChildren();
    said.textContent = problem.message;
  }
}

/**
 * @param {RegionList} found
 * @param {number} kept
 */
function words(found, kept) {
  const all = found.regions.length;
  const some = kept === all ? count(all, 'region') : t('{kept} of {regions}', { kept, regions: count(all, 'region') });
  return [all ? t('{some}. Click one to leave it out.', { some }) : '', ...found.notes].filter(Boolean).join(' ');
}

/**
 * The boxes over the picture; `taken(kept)` gets those that are left after every click.
 * @param {RegionList} found
 * @param {(kept: number[][]) => void} taken
 */
function boxes(found, taken) {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${found.width} ${found.height}`);
  const all = /** @type {number[][]} */ (found.regions.map((region) => region.box));
  const marks = found.regions.map(({ label, confidence }, number) => {
    const [left, top, right, bottom] = all[number];
    const mark = document.createElementNS(SVG, 'rect');
    const attributes = { x: left, y: top, width: right - left, height: bottom - top, tabindex: 0, role: 'checkbox', 'aria-checked': 'true', 'aria-label': `${label || t('Region')} ${number + 1}` };
    for (const [name, value] of Object.entries(attributes)) mark.setAttribute(name, String(value));
    const title = document.createElementNS(SVG, 'title');
    title.textContent = `${label || t('Region')} ${number + 1}: ${Math.round(confidence * 100)} %`;
    mark.append(title);
    const turn = () => {
      const off = marks.filter((each) => each !== mark && each.getAttribute('aria-checked') === 'true').length === 0;
      if (off && mark.getAttribute('aria-checked') === 'true') return;  // the last one stays: without any the detector looks anew
      mark.setAttribute('aria-checked', String(mark.getAttribute('aria-checked') !== 'true'));
      taken(all.filter((_, n) => marks[n].getAttribute('aria-checked') === 'true'));
    };
    mark.addEventListener('click', turn);
    mark.addEventListener('keydown', (event) => {
      if (event.key !== ' ' && event.key !== 'Enter') return;
      event.preventDefault();
      turn();
    });
    return mark;
  });
  svg.append(...marks);
  return svg;
}
