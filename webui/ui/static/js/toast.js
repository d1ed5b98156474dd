// Short messages at the top: what was done, and the way back.

import { $, el } from './dom.js';

/** `offer` is {label, act}: a button in the toast, which then stays long enough to be reached, as a long one stays to be read. */
export function toast(text, offer = null, kind = '') {
  const box = $('#toasts') ?? el('div', { id: 'toasts', role: 'status', popover: 'manual' });
  const place = $('dialog[open]') ?? document.body;  // outside an open dialog everything is inert
  if (box.parentNode !== place) {
    place.append(box);
    if (place !== document.body) place.addEventListener('close', () => outlive(box, place), { once: true });
  }
  const note = el('div.toast', { 'data-kind': kind }, el('span', {}, text),
    offer && el('button.action', { type: 'button', onclick: () => { note.remove(); offer.act(); } }, offer.label));
  box.append(note);
  if (box.matches(':popover-open')) box.hidePopover();
  box.showPopover();  // the last one shown lies on top
  setTimeout(() => note.remove(), offer || kind === 'error' || text.length > 60 ? 8000 : 3500);
}

/** The dialog that a message stood in is closed; the message stays as long as any other. */
function outlive(box, dialog) {
  if (box.parentNode !== dialog) return;
  document.body.append(box);
  box.showPopover();
}

export const complain = (problem) => toast([problem.message, problem.advice].filter(Boolean).join(' '), null, 'error');
