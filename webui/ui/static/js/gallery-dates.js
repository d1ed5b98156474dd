// @ts-check
// The line of months at the edge of the contact sheet: drag or click it, or use its arrow keys, to go to a time.

import { scaleOf, marksOf } from './date-scale.js';
import { el } from './dom.js';
import { dates, t } from './language.js';

const FEWEST = 2;  // months that are worth a line

/**
 * `goTo(index)` brings a picture of the list to the top of the window.
 * @param {(index: number) => void} goTo
 */
export function dateLine(goTo) {
  const now = el('span.date-now', {}), ticks = el('div.date-ticks', { 'aria-hidden': 'true' });
  const node = el('div.date-line', { role: 'slider', tabindex: 0, hidden: true, 'aria-label': t('Month'), 'aria-orientation': 'vertical', 'aria-valuemin': 0 }, ticks, now);
  const short = new Intl.DateTimeFormat(dates, { month: 'short' }), long = new Intl.DateTimeFormat(dates, { month: 'long', year: 'numeric' });
  let scale = scaleOf([]), at = 0, dragged = false;
  const dateOf = (/** @type {number} */ index) => new Date(`${scale.monthOf(index) || '2000-01'}-15T12:00`);

  /** @param {number} index */
  function show(index) {
    if (node.hidden) return;
    at = index;
    const date = dateOf(index);
    now.style.insetBlockStart = `${scale.placeOf(index) * 100}%`;
    now.textContent = dragged ? long.format(date) : short.format(date);
    node.setAttribute('aria-valuenow', String(index));
    node.setAttribute('aria-valuetext', long.format(date));
  }

  /** @param {PointerEvent} event */
  function follow(event) {
    const { top, height } = node.getBoundingClientRect();
    const index = scale.indexOf((event.clientY - top) / height);
    goTo(index);
    show(index);
  }
  node.onpointerdown = (/** @type {PointerEvent} */ event) => {
    node.setPointerCapture(event.pointerId);
    dragged = true;
    node.classList.add('dragged');
    follow(event);
  };
  node.onpointermove = (/** @type {PointerEvent} */ event) => { if (dragged) follow(event); };
  node.onpointerup = node.onpointercancel = () => { dragged = false; node.classList.remove('dragged'); show(at); };
  node.onkeydown = (/** @type {KeyboardEvent} */ event) => {
    const to = { ArrowDown: () => scale.step(at, 1), ArrowUp: () => scale.step(at, -1), Home: () => 0, End: () => scale.total - 1 }[event.key];
    if (!to) return;
    event.preventDefault();
    const index = to();
    goTo(index);
    show(index);
  };
  return {
    node,
    show,
    /** @param {readonly import('./date-scale.js').Month[]} months in the order of the pictures */
    take(months) {
      scale = scaleOf(months);
      node.hidden = months.length < FEWEST;
      node.setAttribute('aria-valuemax', String(Math.max(0, scale.total - 1)));
      ticks.replaceChildren(...marksOf(months).map((mark) => el('i', { style: `inset-block-start:${mark.at * 100}%` }, mark.year)));
      show(Math.min(at, Math.max(0, scale.total - 1)));
    },
  };
}
