// @ts-check
// The focus after what was pressed by keyboard has gone: on what stands in its place, never lost.

import { $$ } from './dom.js';
import { t } from './language.js';

const ACTING = new Set(['Enter', ' ', t('Delete'), 'Backspace']);
const FOCUSABLE = 'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]:not([tabindex="-1"])';
const AFTER = { stop: 'generate' };  // by id: what takes the place of a button that hides itself
const EVERY = 60, LONGEST = 30_000;  // ms between looks, and how long an action's answer is waited for

let turn = 0;  // whatever is pressed next ends the wait

export function watchFocus() {
  addEventListener('pointerdown', () => { turn += 1; }, true);
  addEventListener('keydown', (event) => {
    const mine = ++turn, from = event.target;
    if (!ACTING.has(event.key) || !(from instanceof HTMLElement) || from === document.body || from.matches('textarea, [role=combobox]')) return;
    const places = placesOf(from);
    const until = performance.now() + LONGEST;
    const look = () => {
      if (mine !== turn) return;
      if (document.activeElement === document.body) stand(from, places);
      else if (document.activeElement !== from) return;  // it has gone on by itself
      if (performance.now() < until) setTimeout(look, EVERY);
    };
    setTimeout(look, EVERY);
  }, true);
}

/** @type {(node: Element | null) => boolean} */
const visible = (node) => Boolean(node?.isConnected && node.getClientRects().length);

/** @type {(within: ParentNode) => HTMLElement[]} */
const stops = (within) => $$(FOCUSABLE, within).filter((node) => visible(node) && !node.disabled);

/** @type {(within: ParentNode, node: HTMLElement) => HTMLElement[]} */
const alike = (within, node) => stops(within).filter((each) => each.tagName === node.tagName && each.classList[0] === node.classList[0]);

/** What an element lies in, the nearest first, and how many stops of its kind are before it there. @param {HTMLElement} node */
function placesOf(node) {
  const places = [];
  for (let within = node.parentElement; within; within = within.parentElement) places.push({ within, at: alike(within, node).indexOf(node) });
  return places;
}

/**
 * Give the focus to what was acted on if it is there again, to what takes its place, or to the stop that is now where it was.
 * @param {HTMLElement} from
 * @param {{within: HTMLElement, at: number}[]} places
 */
function stand(from, places) {
  const instead = document.getElementById(/** @type {Record<string, string>} */ (AFTER)[from.id] ?? '');
  const next = [from, instead].find((node) => visible(node)) ?? nearest(from, places);
  next?.focus({ preventScroll: true });
}

/**
 * @param {HTMLElement} from
 * @param {{within: HTMLElement, at: number}[]} places
 */
function nearest(from, places) {
  for (const { within, at } of places) {
    if (!visible(within)) continue;
    const found = alike(within, from);
    if (found.length) return found[Math.min(Math.max(at, 0), found.length - 1)];
    const [first] = stops(within);
    if (first) return first;
  }
  return null;
}
