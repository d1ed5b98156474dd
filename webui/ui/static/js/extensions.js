// @ts-check
/** @import { ExtensionCard } from './api-types.d.ts' */
// A card for each extension: what it adds, a switch; a broken one says why, with its traceback folded.

import { page } from './api.js';
import { $, button, el, heading, noticeItem } from './dom.js';
import { component } from './state.js';
import { complain, toast } from './toast.js';
import { READ_ONLY } from './who.js';

let turn = 0;                       // whatever was asked before the last switch is older than that
let switching = Promise.resolve();  // switches reach the server in the order they were turned

component('extensions', (root) => {
  const list = el('div.narrow', { role: 'list', 'aria-label': 'Extensions' });
  root.append(heading('Extensions'), list);
  return { opened: () => load(list) };
});

async function load(list) {
  const mine = ++turn;
  await switching;
  await ask(list, mine);
}

async function ask(list, mine) {
  try {
    const cards = await page.extensions();
    if (mine === turn) show(list, cards);
  } catch (problem) {
    if (mine === turn) list.replaceChildren(noticeItem('The extensions cannot be listed', problem.message, button('refresh', 'Try again', () => load(list))));
  }
}

/**
 * @param {HTMLElement} list
 * @param {ExtensionCard[]} cards
 */
function show(list, cards) {
  if (!cards.length) return list.replaceChildren(noticeItem('No extensions', 'Put one into the extensions folder and start Darkroom again.'));
  /** @type {HTMLElement | null | undefined} */
  const focused = document.activeElement?.closest('.extension-card');
  list.replaceChildren(cards.some((card) => card.fixed) && el('p.read-only', { role: 'note' }, READ_ONLY) || '', ...cards.map((card) => make(list, card)));
  if (focused) $(`.extension-card[data-id="${CSS.escape(focused.dataset.id ?? '')}"] input`, list)?.focus();
}

/**
 * @param {HTMLElement} list
 * @param {ExtensionCard} card
 */
function make(list, card) {
  const toggle = el('input', { type: 'checkbox', role: 'switch', checked: card.on, disabled: card.fixed, 'aria-label': `${card.title}: on`, onchange: () => flip(list, card, toggle.checked) });
  const adds = card.adds.length ? `Adds ${card.adds.join(', ')}.` : '';
  return el('div.card.extension-card', { role: 'listitem', 'data-id': card.id, 'data-broken': Boolean(card.error) },
    el('div.card-head', {}, el('h3', {}, card.title, card.version && el('span.muted', {}, ` ${card.version}`)), el('label.switch', {}, toggle, el('span', {}, card.on ? 'On' : 'Off'))),
    adds && el('p.muted', {}, adds),
    card.error && el('p.danger', {}, `Failed: ${card.reason} Darkroom runs without it.`),
    card.error && el('details', {}, el('summary', {}, 'Traceback'), el('pre', {}, card.error)),
    card.restart && el('p.muted', {}, 'Takes effect on the page at the next start.'),
    el('p.path', {}, card.path));
}

/**
 * @param {HTMLElement} list
 * @param {ExtensionCard} card
 * @param {boolean} on
 */
function flip(list, card, on) {
  const mine = ++turn;
  switching = switching.then(async () => {
    try {
      const cards = await page.switchExtension(card.id, on);
      if (mine === turn) show(list, cards);
      toast(`${card.title} is ${on ? 'on' : 'off'}`);
    } catch (problem) {
      complain(problem);
      await ask(list, mine);  // how it really is
    }
  });
}
