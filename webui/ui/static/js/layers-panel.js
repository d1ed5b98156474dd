// @ts-check
// The list of the canvas's pictures beside it, the topmost first: what is seen of each, in which order, how strongly and how large; one more, or all as a file.

/** @import { Layer } from './canvas-layers.js' */

import { images } from './api.js';
import { changedAt, MOST, moved, scaled, without } from './canvas-layers.js';
import { button, el, iconButton, once } from './dom.js';
import { t } from './language.js';

/**
 * @typedef {object} Ways
 * @property {() => readonly Layer[]} layers
 * @property {() => string} source the picture of the canvas, which is hidden but not taken away
 * @property {(layers: readonly Layer[], final: boolean) => void} set `final`: one act, to be undone as one
 * @property {(file: File) => Promise<void>} add
 * @property {() => Promise<void>} save
 */

/** @param {Ways} ways */
export function layersPanel(ways) {
  let at = 0;
  const list = el('ol.layers', { 'aria-label': t('Layers') });
  const file = el('input', { type: 'file', accept: 'image/*', hidden: true, 'aria-label': t('Picture for a layer') });
  const add = button('plus', t('Add a picture'), () => file.click());
  file.onchange = () => { if (file.files[0]) ways.add(file.files[0]); file.value = ''; };
  const range = (/** @type {string} */ label, /** @type {number} */ max, /** @type {(value: number) => Partial<Layer>} */ values) => {
    const input = el('input', { type: 'range', min: 0, max, 'aria-label': label });
    const said = el('output');
    input.oninput = () => set(changedAt(ways.layers(), at, values(+input.value)), false);
    input.onchange = () => ways.set(ways.layers(), true);
    return { input, said, row: el('label.layer-range', {}, el('span', {}, label), input, said) };
  };
  const opacity = range(t('Opacity'), 100, (value) => ({ opacity: value / 100 }));
  const large = range(t('Size'), 300, (value) => ({ part: scaled(ways.layers()[at].part, Math.max(value, 5) / 100 / sizeOf(ways.layers()[at])) }));
  const up = iconButton('up', t('Layer up (Alt+↑)'), () => go(1)), down = iconButton('down', t('Layer down (Alt+↓)'), () => go(-1));
  const remove = iconButton('trash', t('Remove the layer (Delete)'), () => drop());
  const acts = el('div.layer-acts', {}, up, down, remove), own = el('div.layer-own', {}, opacity.row, large.row, acts);
  const node = el('aside.layers-panel', { 'aria-label': t('Layers'), hidden: true }, list, own,
    el('div.row-of-buttons', {}, add, button('save', t('Save as one picture'), ways.save)), file);

  const set = (/** @type {readonly Layer[]} */ layers, final = true) => { ways.set(layers, final); draw(); };
  const go = (/** @type {number} */ by) => {
    const to = Math.min(Math.max(at + by, 0), ways.layers().length - 1);
    if (to === at) return;
    const layers = moved(ways.layers(), at, by);
    at = to;
    set(layers);
  };
  const drop = () => {
    if (ways.layers().length < 2 || ways.layers()[at].image === ways.source()) return;
    const layers = without(ways.layers(), at);
    at = Math.min(at, layers.length - 1);
    set(layers);
    focus();
  };
  const focus = () => list.children[ways.layers().length - 1 - at]?.querySelector('.layer-name').focus();
  const choose = (/** @type {number} */ n) => { at = Math.min(Math.max(n, 0), ways.layers().length - 1); draw(); focus(); };
  list.onkeydown = (/** @type {KeyboardEvent} */ event) => {
    const by = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (by) event.altKey ? (go(by), focus()) : choose(at + by);
    else if (event.key === 'Delete') drop();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  const row = (/** @type {Layer} */ each, /** @type {number} */ n) => {
    const eye = iconButton(each.seen ? 'eye' : 'eye-off', t('Show {name}', { name: each.name }), () => set(changedAt(ways.layers(), n, { seen: !ways.layers()[n].seen })), { 'aria-pressed': String(each.seen) });
    const name = el('button.layer-name', { type: 'button', tabindex: n === at ? 0 : -1, 'aria-current': n === at && 'true', onclick: once(() => choose(n)) },
      el('img', { src: images.thumb(each.image), alt: '', decoding: 'async' }), el('span', { dir: 'auto' }, each.name), each.opacity < 1 && el('small', {}, `${Math.round(each.opacity * 100)} %`));
    return el(each.seen ? 'li.layer' : 'li.layer.unseen', {}, eye, name);
  };

  /** Draw the list as it is now; a slider in hand stays. */
  function draw() {
    if (node.hidden) return;
    const layers = ways.layers(), { activeElement } = document;
    at = Math.min(at, layers.length - 1);
    const inside = list.contains(activeElement) && activeElement?.classList.contains('layer-name');
    list.replaceChildren(...layers.map(row).reverse());
    if (inside) focus();
    const layer = layers[at];
    own.hidden = !layer;
    if (!layer) return;
    opacity.input.value = String(Math.round(layer.opacity * 100));
    large.input.value = String(Math.round(sizeOf(layer) * 100));
    for (const { input, said } of [opacity, large]) said.value = `${input.value} %`;
    up.disabled = at === layers.length - 1;
    down.disabled = at === 0;
    remove.disabled = layers.length < 2 || layer.image === ways.source();
    add.disabled = layers.length >= MOST;
  }

  return {
    node,
    draw,
    /** The layer that is chosen. */
    chosen: () => at,
    /** One more thing to do with the chosen one. @param {HTMLElement} tool */
    offer: (tool) => acts.prepend(tool),
    top: () => { at = ways.layers().length - 1; },
    toggle() {
      node.hidden = !node.hidden;
      draw();
      return !node.hidden;
    },
  };
}

/** How large a layer is: 1 for one that reaches from side to side. @param {Layer} layer */
const sizeOf = ({ part: [, , width, height] }) => Math.max(width, height);
