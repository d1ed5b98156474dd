// @ts-check
// The last and the next pictures, fetched and decoded before they are wished for: an arrow key shows the next one at once.

import { images } from './api.js';
import { el } from './dom.js';

const KEPT = 7;

/** @type {Map<string, HTMLImageElement>} */
const known = new Map();

/**
 * The element of a picture, of which there is one. It may be loading still (`complete`).
 * @param {string} id
 * @returns {HTMLImageElement}
 */
export function readyPicture(id) {
  const image = known.get(id) ?? el('img', { src: images.file(id), decoding: 'sync', draggable: 'false' });
  known.delete(id);
  known.set(id, image);  // the last in the order is the one that stays longest
  for (const old of known.keys()) {
    if (known.size <= KEPT) break;
    known.delete(old);
  }
  return image;
}

/**
 * Fetch and decode what may be wished for next.
 * @param {ReadonlyArray<{id: string} | undefined>} pictures
 */
export function prepare(pictures) {
  for (const each of pictures) if (each) readyPicture(each.id).decode().catch(() => {});
}

/** One that could not be read is asked for again the next time. @param {string} id */
export const forgetPicture = (id) => known.delete(id);
