// @ts-check
// The initial in the bar, and what it opens: who one is here, what one may do, who sees what.

import { people } from './api.js';
import { el } from './dom.js';
import { t } from './language.js';
import { quotaWords } from './queue-words.js';
import { initial, withArticle } from './people-words.js';
import { state } from './state.js';
import { nameField, shownOwner } from './who.js';

const shownName = () => shownOwner(state.owner) || (state.admin ? t('This machine’s user') : t('A guest without a name'));

/** The button, and the panel. Nothing of either where nobody else comes. */
export function makeWhoPanel() {
  const panel = el('div.who-panel', { id: 'who-panel', popover: 'auto', role: 'dialog', 'aria-label': t('Who you are here') });
  const button = el('button.pill.who-button', { type: 'button', popovertarget: 'who-panel', hidden: true });
  panel.addEventListener('toggle', (event) => { if (event.newState === 'open') fill(panel); });
  return {
    root: button,
    panel,
    draw() {
      button.hidden = !state.joined || !state.shared;
      button.textContent = initial(shownName());
      button.title = t('{name}: who you are here', { name: shownName() });
      button.setAttribute('aria-label', button.title);
    },
  };
}

async function fill(panel) {
  const rename = () => !state.invited && !state.admin && el('div.who-name', {}, el('label', { for: 'who-name' }, t('Your name')), nameField('who-name'));
  const show = (sees, can) => panel.replaceChildren(
    el('h2', {}, shownName()), el('p.muted', {}, withArticle(state.role)), el('p', {}, sees),
    ...(state.role === 'owner' ? [el('p', {}, t('You may do everything.'))] : can.length ? [el('p', {}, t('You may:')), el('ul', {}, ...can.map((each) => el('li', {}, t(each))))] : []),
    ...(state.limits.length ? [el('p.muted', {}, state.limits.map(quotaWords).join(' · '))] : []), rename() || '');
  try {
    const { sees, can } = await people.me();
    show(t(sees), can);
  } catch (problem) {
    show(problem.message, []);
  }
}
