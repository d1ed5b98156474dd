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
  ...['font-family', 'font-size', 'font-weight', 'font-style', 'font-stretch', 'font-variant-ligatures', 'font-variant-caps', 'font-variant-numeric'],
  ...['font-feature-settings', 'font-variation-settings', 'font-optical-sizing', 'font-kerning', 'text-rendering', 'letter-spacing', 'word-spacing'],
  ...['tab-size', 'line-height', 'direction', 'text-align', 'unicode-bidi', 'word-break', 'line-break', 'overflow-wrap', 'padding'],
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
  const scroll = () => { text.style.transform = `translateY(${-area.scrollTop}px)`; };
  const place = () => {
    const style = getComputedStyle(area);
    for (const name of SAME) text.style.setProperty(name, style.getPropertyValue(name));
    Object.assign(layer.style, { top: `${area.offsetTop}px`, left: `${area.offsetLeft}px`, inlineSize: `${area.offsetWidth}px`, blockSize: `${area.offsetHeight}px` });
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
