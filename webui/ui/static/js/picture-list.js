// @ts-check
// The gallery's pictures in their order: where all of them stand, the records of those that were looked at, and what changes meanwhile;
// worked out without the page.

/** @import { PageImage } from './page-types.d.ts' */

const KEPT_AT_MOST = 4000;   // records that are held; those far from what is looked at go first
const KEPT_AROUND = 1000;

/**
 * The server's layout of a gallery: for each picture its number, width : height, and whether a session begins with it.
 * @param {ArrayBuffer} buffer
 * @returns {Array<{number: number, ratio: number, begins: boolean}>}
 */
export function layoutOf(buffer) {
  const view = new DataView(buffer);
  const count = view.getUint32(0, true);
  let number = 0;
  return Array.from({ length: count }, (_, n) => {
    number += view.getInt32(4 + 4 * n, true);
    return { number, ratio: view.getUint16(4 + 4 * count + 2 * n, true) / 1000, begins: view.getUint8(4 + 6 * count + n) > 0 };
  });
}

/**
 * Where a picture belongs in a list, newest first.
 * @param {PageImage} image
 * @param {readonly PageImage[]} list
 */
export function placeOf(image, list) {
  const at = list.findIndex((each) => Date.parse(each.created) <= Date.parse(image.created));
  return at < 0 ? list.length : at;
}

/**
 * A picture of which only the place is known: it has no id.
 * @param {{number?: number, begins?: boolean, width: number, height: number}} known
 * @returns {PageImage}
 */
const unread = ({ number, begins, width, height }) => /** @type {PageImage} */ ({ id: '', number, begins, width, height });

export class PictureList {
  /** @type {PageImage[]} one object for one picture, as long as it is in the list; without an id where it was not read yet */
  images = [];
  total = 0;           // of all that there are
  complete = false;    // every one of them is in the list
  searching = false;   // for words: what is finished meanwhile may not have them
  /** @type {PageImage[]} */
  #early = [];         // finished since the first page was asked for
  /** @type {Map<string, string | undefined>} */
  #followers = new Map();  // of those that were removed: what came after them
  /** @type {WeakSet<PageImage>} */
  #current = new WeakSet();  // those whose record was told since the list was asked for

  /** @param {string | null | undefined} id */
  has = (id) => Boolean(id) && this.images.some((each) => each.id === id);

  /** @param {number | undefined} number */
  indexOf = (number) => (number === undefined ? -1 : this.images.findIndex((each) => each.number === number));

  /**
   * The list is asked for anew; what is shown stays until the answer is there.
   * @param {boolean} searching
   */
  begin(searching) {
    this.#early = [];
    this.#current = new WeakSet();
    this.searching = searching;
  }

  /**
   * A picture was finished: it is put in front. False where it is there already.
   * @param {PageImage} image
   */
  add(image) {
    if (this.has(image.id)) return false;
    this.#early.push(image);
    this.#current.add(image);
    this.images.unshift(image);
    this.total += 1;
    return true;
  }

  /**
   * Take a picture out. False where it was not there.
   * @param {PageImage} image
   */
  remove(image) {
    const at = this.images.findIndex((each) => each.id === image.id);
    if (at < 0) return false;
    const [gone] = this.images.slice(at, at + 1);
    const next = this.images[at + 1];
    this.#followers.set(image.id, next?.id);
    this.images = this.images.filter((each) => each !== gone);
    if (gone?.begins && next) next.begins = true;
    this.total -= 1;
    return true;
  }

  /**
   * Put a picture back where it was, as long as what followed it is still there; gives the place, -1 where it does not belong here.
   * @param {PageImage} image
   */
  putBack(image) {
    if (this.has(image.id) || (this.searching && !this.#followers.has(image.id))) return -1;
    const wanted = this.#followers.get(image.id);
    const follower = wanted ? this.images.findIndex((each) => each.id === wanted) : -1;
    const at = follower < 0 ? placeOf(image, this.images) : follower;
    this.images = this.images.toSpliced(at, 0, image);
    this.#current.add(image);
    this.total += 1;
    this.settle(at, at + 2);
    return at;
  }

  /**
   * The first page of the server's, with what was finished since it was asked for in front.
   * @param {{images: PageImage[], total: number, complete: boolean}} page
   */
  take(page) {
    const told = new Set(page.images.map((image) => image.id));
    const early = this.searching ? [] : this.#early.filter((image) => !told.has(image.id)).reverse();
    const known = new Map(this.images.map((image) => [image.id, image]));
    this.images = [...early, ...page.images.map((image) => this.#told(known.get(image.id), image))];
    this.complete = page.complete;
    this.total = page.total + early.length;
    this.settle(0, this.images.length);
  }

  /**
   * Where all pictures stand. Those that are known stay what they are; the numbers of those that were finished meanwhile must be known.
   * @param {ReturnType<typeof layoutOf>} layout
   */
  spread(layout) {
    const known = new Map(this.images.map((image) => [image.number, image]));
    const told = new Set(layout.map(({ number }) => number));
    const early = this.searching ? [] : this.#early.filter(({ number }) => number !== undefined && !told.has(number)).reverse();
    this.images = [...early, ...layout.map(({ number, ratio, begins }) => {
      const image = known.get(number);
      return image ? Object.assign(image, { begins }) : unread({ number, begins, width: ratio, height: 1 });
    })];
    this.total = this.images.length;
    this.complete = true;
    this.settle(0, early.length + 1);
  }

  /**
   * Records of pictures that were asked for by their numbers; those that were not told are not there any more.
   * @param {readonly PageImage[]} records
   * @param {readonly number[]} asked
   */
  fill(records, asked) {
    const told = new Map(records.map((record) => [record.number, record]));
    const wanted = new Set(asked);
    const gone = asked.some((number) => !told.has(number));
    for (const image of this.images) {
      const record = image.number !== undefined && wanted.has(image.number) && told.get(image.number);
      if (record) this.#told(image, record);
    }
    if (!gone) return;
    const stays = this.images.filter((image) => image.number === undefined || !wanted.has(image.number) || told.has(image.number));
    this.total -= this.images.length - stays.length;
    this.images = stays;
  }

  /**
   * The numbers of pictures, of those from one place up to another, whose record was not told since the list was asked for.
   * @param {number} from
   * @param {number} to
   */
  missing(from, to) {
    return this.images.slice(Math.max(0, from), Math.max(0, to)).filter((image) => !this.#current.has(image)).flatMap(({ number }) => number ?? []);
  }

  /**
   * Let go of records far from these places when too many are held.
   * @param {number} from
   * @param {number} to
   */
  trim(from, to) {
    if (this.images.length <= KEPT_AT_MOST || this.images.reduce((many, { id }) => many + (id ? 1 : 0), 0) <= KEPT_AT_MOST) return;
    this.images = this.images.map((image, n) => (!image.id || image.number === undefined || (n >= from - KEPT_AROUND && n < to + KEPT_AROUND) ? image : unread(image)));
  }

  /**
   * With which of these pictures a session begins, as far as their sessions are known.
   * @param {number} from
   * @param {number} to
   */
  settle(from, to) {
    for (let n = from; n < Math.min(to, this.images.length); n++) {
      const [before, image] = [this.images[n - 1], this.images[n]];
      if (image?.session && (!before || before.session)) image.begins = image.session !== before?.session;
    }
  }

  /**
   * @param {PageImage | undefined} known
   * @param {PageImage} record
   */
  #told(known, record) {
    const image = known ? Object.assign(known, record) : record;
    this.#current.add(image);
    return image;
  }
}
