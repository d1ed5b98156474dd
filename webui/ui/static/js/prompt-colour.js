// @ts-check
// Colour under the prompts: what has a meaning of its own is marked on a layer below the text, which stays a plain text field's.

import { $, el } from './dom.js';
import { piecesOf } from './prompt-marks.js';
import { known, whenKnown } from './shelf-models.js';
import { cardOfTag, isElsewhere } from './shelf-use.js';
import { isTemplate } from './lora-tags.js';
import { parts } from './state.js';

const PROMPTS = ['prompt', 'negative_prompt'];
/** What decides where a letter stands. */
const SAME = [
  ...['fontFamily', 'fontSize', 'fontWeight', 'fontStyle', 'fontStretch', 'fontVariant', 'fontFeatureSettings', 'fontVariationSettings', 'fontOpticalSizing', 'fontKerning', 'textRendering'],
  ...['letterSpacing', 'wordSpacing', 'tabSize', 'lineHeight', 'direction', 'textAlign', 'unicodeBidi', 'wordBreak', 'lineBreak', 'overflowWrap', 'padding'],
];

export function watchColours() {
  const layers = PROMPTS.map((name) => $(`#${name} textarea`)).filter(Boolean).map(layerUnder);
  whenKnown(() => { for (const layer of layers) layer.draw(true); });
  parts['prompt-colour'] = { draw: () => { for (const layer of layers) layer.draw(); } };
}

/** @param {HTMLTextAreaElement} area */
function layerUnder(area) {
  const text = el('div.prompt-colour-text'), layer = el('div.prompt-colour', { 'aria-hidden': 'true' }, text);
  area.before(layer);
  let drawn = '';
  const scroll = () => { text.style.translate = `0 ${-area.scrollTop}px`; };
  const place = () => {
    const style = getComputedStyle(area);
    for (const name of SAME) text.style[name] = style[/** @type {any} */ (name)];
    Object.assign(layer.style, { inset: `${area.offsetTop}px auto auto ${area.offsetLeft}px`, inlineSize: `${area.offsetWidth}px`, blockSize: `${area.offsetHeight}px` });
    text.style.inlineSize = `${area.clientWidth}px`;
    scroll();
  };
  const draw = (isOther = false) => {
    if (!isOther && area.value === drawn) return;
    drawn = area.value;
    text.replaceChildren(...piecesOf(drawn, KNOWN).map(({ text: words, kinds }) => (kinds.length ? el('mark', { 'data-kinds': kinds.join(' ') }, words) : words)), '\u200b');  // an empty last line is a line too
    if (text.clientWidth !== area.clientWidth) place();  // a scroll bar has come or gone
    scroll();
  };
  area.addEventListener('input', () => draw());
  area.addEventListener('scroll', scroll, { passive: true });
  new ResizeObserver(place).observe(area);
  place();
  draw(true);
  return { draw };
}

const KNOWN = {
  has: (/** @type {string} */ kind, /** @type {string} */ name) => !known.ready || Boolean(cardOfTag(kind, name)) || isTemplate(name) || isElsewhere(),
  get words() { return known.embeddings; },
};
