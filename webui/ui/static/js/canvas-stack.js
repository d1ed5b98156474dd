// @ts-check
// The canvas's pictures drawn over one another, and what hands do with them. What is drawn is what is sent, where it is more than the start picture alone.

/** @import { Layer } from './canvas-layers.js' */

import { images } from './api.js';
import { below, fitted, isAlone, layerOf, MOST, shifted } from './canvas-layers.js';
import { el } from './dom.js';
import { layersPanel } from './layers-panel.js';
import { t } from './language.js';
import { withColours } from './mask-paint.js';
import { draw } from './state.js';
import { complain } from './toast.js';

const NAME = 60;   // letters of a layer's name

/**
 * @param {any} it the canvas
 * @param {{act: (act: {kind: 'layers', from: readonly Layer[], to: readonly Layer[]}) => void, look: () => void}} ways `act`: something was done
 */
export function makeStack(it, ways) {
  /** @type {Map<string, Promise<HTMLImageElement>>} */
  const pictures = new Map();
  /** @type {readonly Layer[] | null} as they were before what is under a hand */
  let before = null;
  it.layers = [];

  const panel = layersPanel({ layers: () => it.layers, source: () => it.last, set, add, save });

  /** @param {readonly Layer[]} layers @param {boolean} final */
  function set(layers, final) {
    const from = before ?? /** @type {readonly Layer[]} */ (it.layers);
    before = final ? null : from;
    it.layers = layers;
    compose();
    if (final && from !== layers) ways.act({ kind: 'layers', from, to: layers });
  }

  const arrived = (/** @type {string} */ image) => {
    const known = pictures.get(image);
    if (known) return known;
    const picture = new Image();
    picture.src = images.asRead(image);
    const coming = new Promise((done, fail) => { picture.onload = () => done(picture); picture.onerror = fail; });
    coming.catch(() => pictures.delete(image));
    pictures.set(image, coming);
    return coming;
  };

  /** Draw what is seen, once its pictures have come, if it is still what is wanted then. */
  async function compose() {
    const { last: source, layers } = it, seen = layers.filter((each) => each.seen);
    const current = () => source === it.last && layers === it.layers;
    it.missing = false;
    it.composed = null;
    const come = await Promise.all(seen.map((each) => arrived(each.image))).catch(() => null);
    if (!current()) return;
    if (!come) {
      it.missing = true;
      return complain(new Error(t('The picture to paint on did not arrive.')));
    }
    const pen = it.below.getContext('2d'), { width, height } = it.below;
    pen.clearRect(0, 0, width, height);
    seen.forEach(({ opacity, part: [left, top, wide, high] }, n) => {
      pen.globalAlpha = opacity;
      pen.drawImage(come[n], left * width, top * height, wide * width, high * height);
    });
    pen.globalAlpha = 1;
    it.composed = layers;
    it.grounded = '';
    if (it.shown === source) return ways.look();
    it.shown = source;
    draw();
  }

  /** @param {File} file */
  async function add(file) {
    const of = it.last;
    try {
      const sent = await images.upload(file);
      if (of !== it.last || it.layers.length >= MOST) return;
      panel.top();
      set([...it.layers, layerOf(sent.id, file.name.slice(0, NAME) || t('Picture'), { part: fitted(sent, it.below) })], true);
      panel.top();
      panel.draw();
    } catch (problem) {
      complain(problem);
    }
  }

  async function save() {
    try {
      const file = await withColours(it.below, it.sheets, 'all'), address = URL.createObjectURL(file);
      el('a', { href: address, download: 'canvas.png' }).click();
      setTimeout(() => URL.revokeObjectURL(address), 60_000);
    } catch (problem) {
      complain(problem);
    }
  }

  return {
    panel,
    compose,
    /** Another picture is opened: it is the only one. @param {boolean} anew whether those before are forgotten */
    open(anew) {
      if (anew) pictures.clear();
      before = null;
      this.show(it.last ? [layerOf(it.last, t('Picture'))] : []);
    },
    /** @param {readonly Layer[]} layers */
    show(layers) {
      it.layers = layers;
      panel.draw();
      return compose();
    },
    /** A result takes the place of the start picture: all others lie below it. @param {readonly Layer[]} layers @param {import('./page-types.d.ts').PageImage} image @param {{width: number, height: number}} canvas @param {any} sides */
    accept(layers, image, canvas, sides) {
      const name = (image.request?.prompt ?? '').replace(/\s+/g, ' ').trim().slice(0, NAME) || t('Result');
      this.show([...below(layers, canvas, sides, image), layerOf(image.id, name, { solid: true })].slice(-MOST));
      panel.top();
      panel.draw();
    },
    /** Whether they are more than the start picture. */
    mixed: () => Boolean(it.last) && !isAlone(it.layers, it.last),
    /** Whether what is drawn is what they are. */
    drawn: () => it.composed === it.layers,
    /** The chosen one moves by parts of the canvas, from where it was. @param {Layer['part']} from @param {number} across @param {number} down @param {boolean} [final] */
    drag(from, across, down, final = false) {
      set(it.layers.map((/** @type {Layer} */ each, /** @type {number} */ n) => (n === panel.chosen() ? { ...each, part: shifted(from, across, down) } : each)), final);
      panel.draw();
    },
    /** It is let go. */
    drop() { if (before) set(it.layers, true); },
    part: () => it.layers[panel.chosen()]?.part,
  };
}
