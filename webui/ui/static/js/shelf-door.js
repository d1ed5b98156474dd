// @ts-check
// The shelf before it is first opened: what it is made of is fetched then.

import { later } from './later.js';
import { changed } from './shelf-models.js';
import { watchPrompts } from './shelf-use.js';
import { parts } from './state.js';

export function watchShelf() {
  watchPrompts();
  const shelf = later(async () => { parts.shelf = (await import('./shelf.js')).makeShelf(); });
  const wish = (/** @type {'open' | 'toggle'} */ how) => async (/** @type {string | undefined} */ kind) => { await shelf(); if (parts.shelf !== door) parts.shelf[how](kind); };
  const door = parts.shelf = { open: wish('open'), toggle: wish('toggle'), escape: () => false, changed };
}
