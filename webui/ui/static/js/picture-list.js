// @ts-check
// The gallery's pictures, newest first, as they come page by page and change meanwhile; worked out without the page.

/** @import { PageImage } from './page-types.d.ts' */

/**
 * Where a picture belongs in a list, newest first.
 * @param {PageImage} image
 * @param {readonly PageImage[]} list
 */
export function placeOf(image, list) {
  const at = list.findIndex((each) => Date.parse(each.created) <= Date.parse(image.created));
  return at < 0 ? list.length : at;
}

export class PictureList {
  /** @type {PageImage[]} */
  images = [];
  total = 0;           // of all that there are, shown or not
  complete = false;    // the last page is here
  searching = false;   // for words: what is finished meanwhile may not have them
  /** @type {PageImage[]} */
  #early = [];         // finished since the first page was asked for
  /** @type {Map<string, string | undefined>} */
  #followers = new Map();  // of those that were removed: what came after them

  /** @param {string | null | undefined} id */
  has = (id) => this.images.some((each) => each.id === id);

  /**
   * A first page is asked for anew; what is shown stays until it is there.
   * @param {boolean} searching
   */
  begin(searching) {
    this.#early = [];
    this.complete = false;
    this.searching = searching;
  }

  /**
   * A picture was finished: it is put in front. False where it is there already.
   * @param {PageImage} image
   */
  add(image) {
    if (this.has(image.id)) return false;
    this.#early.push(image);
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
    this.#followers.set(image.id, this.images[at + 1]?.id);
    this.images = this.images.filter((each) => each.id !== image.id);
    this.total -= 1;
    return true;
  }

  /**
   * Put a picture back where it was, as long as what followed it is still there; gives the place, -1 where it does not belong here.
   * @param {PageImage} image
   */
  putBack(image) {
    if (this.has(image.id) || (this.searching && !this.#followers.has(image.id))) return -1;
    const follower = this.images.findIndex((each) => each.id === this.#followers.get(image.id));
    const at = follower < 0 ? placeOf(image, this.images) : follower;
    this.images = this.images.toSpliced(at, 0, image);
    this.total += 1;
    return at;
  }

  /**
   * A page of the server's: the first, with what was finished since it was asked for in front; or the next. Gives what is new at the end.
   * @param {{images: PageImage[], total: number, complete: boolean}} page
   * @param {boolean} fresh
   */
  take(page, fresh) {
    const told = new Set(page.images.map((image) => image.id));
    const early = this.searching ? [] : this.#early.filter((image) => !told.has(image.id)).reverse();
    if (fresh) this.images = early;
    const news = page.images.filter((image) => !this.has(image.id));
    this.images = [...this.images, ...news];
    this.complete = page.complete;
    this.total = page.total + (fresh ? early.length : 0);
    return news;
  }
}

/**
 * `wanted` pictures after the one with the id `after`, in as many pages as that takes.
 * @param {(after: string, limit: number) => Promise<{images: PageImage[], total: number}>} ask for a page
 * @param {string} after
 * @param {number} wanted
 * @param {number} most pictures that the server gives at once
 */
export async function askFor(ask, after, wanted, most) {
  /** @type {PageImage[]} */
  const images = [];
  for (;;) {
    const limit = Math.min(wanted - images.length, most);
    const page = await ask(images.at(-1)?.id ?? after, limit);
    images.push(...page.images);
    const complete = page.images.length < limit;
    if (complete || images.length >= wanted) return { images, total: page.total, complete };
  }
}
