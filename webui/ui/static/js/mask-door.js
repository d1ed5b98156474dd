// @ts-check
// The canvas before img2img or inpaint is first opened: what it is made of is fetched then.

import { anySide, NO_SIDES, sidesIn } from './canvas-region.js';
import { el } from './dom.js';
import { form } from './form.js';
import { t } from './language.js';
import { later } from './later.js';
import { draw, inStudio, state } from './state.js';

/** The canvas, as `makeMask` gives it; until it has come, one on which nothing is done. */
export function maskWhenWanted() {
  let asked = '';  // in which tab: where it could not be fetched, the next tab asks again
  /** @type {any} */
  const mask = {
    root: el('div.mask', { hidden: true }),
    draw() {
      if (!inStudio() || state.mode === 'txt2img' || asked === state.tab) return;
      asked = state.tab;
      bring();
    },
    sources: async () => {
      if (!(await bring())) throw new Error(t('This part of the page could not be fetched. Try again.'));
      return mask.sources();
    },
    touched: () => anySide(sidesIn(form.values)),
    sides: () => NO_SIDES,
    isTint: () => false,
    key: () => false,
    back() {},
    sourceChanged() {},
    async accept(/** @type {unknown} */ image) { if (await bring()) mask.accept(image); },
  };
  const bring = later(async () => {
    const made = (await import('./mask.js')).makeMask();
    mask.root.replaceWith(made.root);
    Object.assign(mask, made).draw();
    draw();
    return true;
  });
  return mask;
}
