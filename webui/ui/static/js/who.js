// @ts-check
// Who uses this page: the admin or a guest, under which name. What a guest may not change is shown, and one sentence says why.

import { people } from './api.js';
import { el } from './dom.js';
import { connect } from './event-stream.js';
import { t } from './language.js';
import { owner, store, stored } from './storage.js';
import { state } from './state.js';
import { complain, toast } from './toast.js';

export const READ_ONLY = t('Only who runs this Darkroom can change this: at the machine itself, or with the link that its terminal prints.');
const GUEST = t("You see your own pictures, prompts and jobs, and of others' jobs only that they wait or run. Who runs this Darkroom sees everything.");
const ADMIN = t("You see everybody's pictures, prompts and jobs. Guests see only their own.");

/** The sentence that tells who sees what; empty where nobody else comes. */
export const whoSees = () => (!state.shared ? '' : state.admin ? ADMIN : GUEST);

/** An owner as people read it; nothing for one's own without a name. Guests without one have an owner that the server made. */
export const shownOwner = (owner = '') => (owner === 'local' || (owner === state.owner && !state.named) ? '' : owner.replace(/^guest-([0-9a-f]{4})[0-9a-f]{12}$/, 'guest $1'));

const PATTERN = '[\\p{L}\\p{N}_ .@\\-]*';

/** The field for one's name; `saved()` is called after it was changed. */
export function nameField(id, saved = () => {}) {
  const input = el('input', { id, type: 'text', maxlength: 64, value: owner(), placeholder: t('Your name'), pattern: PATTERN, autocomplete: 'nickname' });
  input.onchange = async () => {
    if (!input.checkValidity()) return toast(t('A name has letters, digits, spaces or . @ - _'), { kind: 'error' });
    if (/^(local|guest(-[0-9a-f]{16})?)$/i.test(input.value.trim()) && !state.admin) return toast(t('This name belongs to the server. Choose another.'), { kind: 'error' });
    try {
      await people.rename(input.value.trim());
    } catch (problem) {
      return complain(problem);
    }
    connect();
    toast(t('Saved'));
    saved();
  };
  return input;
}

/** The bar that asks a guest without a name for one, until they give it or close it. */
export function makeNameBar() {
  let closed = stored('asked-who', false);
  const sees = el('span.muted');
  const input = nameField('your-name');
  const bar = el('form.name-bar', { hidden: true, 'aria-label': t('Your name'), onsubmit: (event) => { event.preventDefault(); input.blur(); } },
    el('label', { for: 'your-name' }, t('Who are you?')), input, el('button.action', { type: 'submit' }, el('span', {}, t('Save'))),
    el('button.action', { type: 'button', onclick: () => { closed = true; store('asked-who', true); bar.hidden = true; } }, el('span', {}, t('Go on without'))), sees);
  return {
    root: bar,
    draw() {
      bar.hidden = closed || !state.joined || state.admin || state.named;
      sees.textContent = whoSees();
    },
  };
}
