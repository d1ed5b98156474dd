// @ts-check
// A contact sheet of any length: only the rows in sight and a little more are elements of the page.

/** @import { PageImage } from './page-types.d.ts' */

import { besides, boxesOf, rowBelow, rowsOf, rowWith } from './sheet-rows.js';

const MARGIN = 500;      // px above and below the window that are drawn as well
const GAP = 8;
const NARROW = 700;      // px of window up to which a head takes two lines
const HEADS = [44, 62];  // px: of a head on one line, on two

export class SheetView {
  /** @type {Map<PageImage, any>} */
  #tiles = new Map();
  /** @type {Map<PageImage, any>} */
  #heads = new Map();
  /** @type {import('./sheet-rows.js').Row[]} */
  #rows = [];
  /** @type {PageImage[]} what the rows were made of: the list may be another by now */
  #laid = [];
  #width = 0;
  #planned = 0;

  /**
   * `list()` gives the pictures; `tile(image)` and `head(image)` make their elements; `dress(tile, image)` brings one up to date;
   * `height()` is the wished height of a row; `grouped()`: heads stand above sessions, of which those are `folded(image)` that show nothing else;
   * `covered()` are the pixels of the window's top that bars cover; `seen(from, to, first)` is told what is drawn, and what is the first below them.
   * @param {any} node
   * @param {{list: () => readonly PageImage[], tile: (image: PageImage) => any, head: (image: PageImage) => any, dress: (tile: any, image: PageImage) => void,
   *   height: () => number, grouped: () => boolean, folded: (image: PageImage | undefined) => boolean, covered: () => number, seen: (from: number, to: number, first: number) => void}} given
   */
  constructor(node, given) {
    this.node = node;
    this.given = given;
    new ResizeObserver(() => { if (node.clientWidth && node.clientWidth !== this.#width) this.arrange(); }).observe(node);
    addEventListener('scroll', () => { this.#planned ||= requestAnimationFrame(() => { this.#planned = 0; this.draw(); }); }, { passive: true });
  }

  get visible() { return this.node.clientWidth > 0; }

  /** Work the rows out anew, as pictures or measures have changed. What is looked at stays where it is. */
  arrange() {
    if (!this.visible) return;
    const place = this.place();
    this.#width = this.node.clientWidth;
    const [one, two] = HEADS;
    const { rows, height } = rowsOf(this.given.list(), { width: this.#width, height: this.given.height(), gap: GAP, head: this.given.grouped() ? (innerWidth < NARROW ? two : one) ?? 0 : 0, folded: (from) => this.given.folded(this.given.list()[from]) });
    this.#rows = rows;
    this.#laid = [...this.given.list()];
    this.node.style.blockSize = `${Math.ceil(height)}px`;
    if (place) this.goTo(place);
    this.draw();
  }

  /** The first picture in view and where it stands; null at the top. */
  place() {
    if (!scrollY || !this.visible) return null;
    const top = this.node.getBoundingClientRect().top;
    let at = rowBelow(this.#rows, this.given.covered() - top);
    while (this.#rows[at]?.head) at += 1;
    const row = this.#rows[at];
    const image = row && this.#laid[row.from];
    return row && image && row.top + top < innerHeight ? { image, top: row.top + top } : null;
  }

  /** @param {{image: PageImage, top: number}} place as `place()` gave it */
  goTo({ image, top }) {
    const row = this.#rows[rowWith(this.#rows, this.given.list().indexOf(image))];
    if (row) scrollTo({ top: Math.round(scrollY + this.node.getBoundingClientRect().top + row.top - top), behavior: 'instant' });
  }

  /** Put what is in sight into the page, and take away what is not. */
  draw() {
    if (!this.visible) return;
    const images = this.given.list();
    const top = this.node.getBoundingClientRect().top;
    const wanted = [];
    let [from, to] = [Infinity, 0];
    for (let at = rowBelow(this.#rows, -top - MARGIN); at < this.#rows.length; at++) {
      const row = /** @type {import('./sheet-rows.js').Row} */ (this.#rows[at]);
      if (row.top > innerHeight - top + MARGIN) break;
      if (row.head) wanted.push(this.#headOf(/** @type {PageImage} */ (images[row.from]), row));
      else for (const [n, box] of boxesOf(images, row, GAP).entries()) wanted.push(this.#tileOf(/** @type {PageImage} */ (images[row.from + n]), box, row.from + n));
      if (!row.head) [from, to] = [Math.min(from, row.from), row.to];
    }
    this.#put(wanted, images);
    if (to) this.given.seen(from, to, this.#rows[rowBelow(this.#rows, this.given.covered() - top)]?.from ?? 0);
  }

  /**
   * Bring a picture into view; gives its element.
   * @param {number} index
   */
  show(index) {
    const row = this.#rows[rowWith(this.#rows, index)];
    if (!row) return null;
    const top = this.node.getBoundingClientRect().top + row.top;
    const covered = this.given.covered();
    const by = top < covered ? top - covered - GAP : Math.max(0, top + row.height + GAP - innerHeight);
    if (by) scrollBy({ top: by, behavior: 'instant' });
    this.draw();
    return this.#tiles.get(/** @type {PageImage} */ (this.given.list()[index]));
  }

  /** Bring a picture to the top of what is not covered. @param {number} index */
  reach(index) {
    const row = this.#rows.findLast((each) => each.from <= index);
    if (row) scrollTo({ top: Math.round(scrollY + this.node.getBoundingClientRect().top + row.top - this.given.covered()), behavior: 'instant' });
    this.draw();
  }

  /** The head above a picture is made anew. @param {PageImage} image */
  renewHead(image) {
    this.#heads.get(image)?.remove();
    this.#heads.delete(image);
    this.arrange();
  }

  /**
   * Where a key leads from a picture, past sessions that are folded; null for other keys.
   * @param {string} key
   * @param {number} index
   */
  leads(key, index) {
    const to = this.#target(key, index);
    if (to === null) return null;
    const by = to < index ? -1 : 1;
    let seen = to;
    while (seen >= 0 && seen < this.given.list().length && rowWith(this.#rows, seen) < 0) seen += by;
    return rowWith(this.#rows, seen) < 0 ? index : seen;
  }

  /** @param {string} key @param {number} index */
  #target(key, index) {
    const last = this.given.list().length - 1;
    switch (key) {
      case 'ArrowLeft': return Math.max(0, index - 1);
      case 'ArrowRight': return Math.min(last, index + 1);
      case 'ArrowUp': return this.#beside(index, -1);
      case 'ArrowDown': return this.#beside(index, 1);
      case 'PageUp': return this.#beside(index, -1, this.#screen);
      case 'PageDown': return this.#beside(index, 1, this.#screen);
      case 'Home': return 0;
      case 'End': return last;
      case '[': return this.#session(index, -1);
      case ']': return this.#session(index, 1);
      default: return null;
    }
  }

  /** The picture above (-1) or below (1) one, as many rows away. */
  #beside(index, by, rows = 1) {
    for (let n = 0; n < rows; n++) index = besides(this.given.list(), this.#rows, index, by, GAP);
    return index;
  }

  /** Where the session before or after begins. */
  #session(index, by) {
    const images = this.given.list();
    let to = index + by;
    while (images[to] && !images[to]?.begins) to += by;
    return Math.min(Math.max(to, 0), images.length - 1);
  }

  /** How many rows fit the window. */
  get #screen() { return Math.max(1, Math.floor((innerHeight - this.given.covered()) / (this.given.height() + GAP))); }

  #headOf(image, row) {
    let head = this.#heads.get(image);
    if (head?.dataset.session !== String(image.session ?? 0)) {
      head?.remove();
      this.#heads.set(image, head = this.given.head(image));
    }
    head.style.insetBlockStart = `${Math.round(row.top)}px`;
    return head;
  }

  #tileOf(image, box, index) {
    let tile = this.#tiles.get(image);
    if (!tile) this.#tiles.set(image, tile = this.given.tile(image));
    else if (tile.dataset.id !== image.id) this.given.dress(tile, image);
    tile.style.cssText = `inset-block-start:${box.top}px;inset-inline-start:${box.left}px;inline-size:${box.width}px;block-size:${box.height}px`;
    tile.ariaPosInSet = String(index + 1);
    tile.ariaSetSize = String(this.given.list().length);
    return tile;
  }

  /** What has the focus stays, even where it is out of sight: the keys go on from there. */
  #put(wanted, images) {
    const stays = new Set(wanted);
    for (const kept of [this.#tiles, this.#heads]) {
      for (const [image, node] of kept) {
        if (stays.has(node) || (node.contains(document.activeElement) && images.includes(image))) continue;
        node.remove();
        kept.delete(image);
      }
    }
    let next = this.node.firstElementChild;
    for (const node of wanted) {
      while (next && !stays.has(next)) next = next.nextElementSibling;
      if (next === node) next = next.nextElementSibling;
      else this.node.insertBefore(node, next);
    }
  }
}
