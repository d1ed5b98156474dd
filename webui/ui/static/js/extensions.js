// A card for each extension: what it adds, a switch; a broken one says why, with its traceback folded.

import { page } from './api.js';
import { button, el, heading, notice } from './dom.js';
import { component } from './state.js';
import { complain, toast } from './toast.js';

component('extensions', (root) => {
  const list = el('div.narrow', { role: 'list', 'aria-label': 'Extensions' });
  root.append(heading('Extensions'), list);
  const load = async () => {
    try {
      show(list, await page.extensions());
    } catch (problem) {
      list.replaceChildren(notice('The extensions cannot be listed', problem.message, button('refresh', 'Try again', load)));
    }
  };
  load();
  return { opened: load };
});

function show(list, cards) {
  if (!cards.length) return list.replaceChildren(notice('No extensions', 'Put one into the extensions folder and start Darkroom again.'));
  list.replaceChildren(...cards.map((card) => make(list, card)));
}

function make(list, card) {
  const toggle = el('input', { type: 'checkbox', role: 'switch', checked: card.on, 'aria-label': `${card.title}: on`, onchange: () => turn(list, card, toggle) });
  const adds = card.adds.length ? `Adds ${card.adds.join(', ')}.` : '';
  return el('div.card.extension-card', { role: 'listitem', 'data-id': card.id, 'data-broken': Boolean(card.error) },
    el('div.card-head', {}, el('h3', {}, card.title, card.version && el('span.muted', {}, ` ${card.version}`)), el('label.switch', {}, toggle, el('span', {}, card.on ? 'On' : 'Off'))),
    adds && el('p.muted', {}, adds),
    card.error && el('p.danger', {}, `Failed: ${card.reason} Darkroom runs without it.`),
    card.error && el('details', {}, el('summary', {}, 'Traceback'), el('pre', {}, card.error)),
    card.restart && el('p.muted', {}, 'Takes effect on the page at the next start.'),
    el('p.path', {}, card.path));
}

async function turn(list, card, toggle) {
  try {
    show(list, await page.switchExtension(card.id, toggle.checked));
    toast(`${card.title} is ${toggle.checked ? 'on' : 'off'}`);
  } catch (problem) {
    toggle.checked = card.on;
    complain(problem);
  }
}
