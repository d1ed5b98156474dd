// @ts-check
/** @import { ExtensionCard } from './api-types.d.ts' */
// A card for each extension: what it adds, a switch; a broken one says why, with its traceback folded.

import { page } from './api.js';
import { $, button, el, heading, noticeItem } from './dom.js';
import { t } from './language.js';
import { component } from './state.js';
import { complain, toast } from './toast.js';
import { READ_ONLY } from './who.js';

let turn = 0;                       // whatever was asked before the last switch is older than that
let switching = Promise.resolve();  // switches reach the server in the order they were turned

component('extensions', (root) => {
  const list = el('div.narrow', { role: 'list', 'aria-label': t('Extensions') });
  root.append(heading(t('Extensions')), list);
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
    if (mine === turn) list.replaceChildren(noticeItem(t('The extensions cannot be listed'), problem.message, button('refresh', t('Try again'), () => load(list))));
  }
}

/**
 * @param {HTMLElement} list
 * @param {ExtensionCard[]} cards
 */
function show(list, cards) {
  if (!cards.length) return list.replaceChildren(noticeItem(t('No extensions'), t('Put one into the extensions folder and start Darkroom again.')));
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
  const toggle = el('input', { type: 'checkbox', role: 'switch', checked: card.on, disabled: card.fixed, 'aria-label': t('{title}: on', { title: card.title }), onchange: () => flip(list, card, toggle.checked) });
  const adds = card.adds.length ? t('Adds {adds}.', { adds: card.adds.join(', ') }) : '';
  return el('div.card.extension-card', { role: 'listitem', 'data-id': card.id, 'data-broken': Boolean(card.error) },
    el('div.card-head', {}, el('h3', {}, card.title, card.version && el('span.muted', {}, ` ${card.version}`)), el('label.switch', {}, toggle, el('span', {}, card.on ? t('On') : t('Off')))),
    adds && el('p.muted', {}, adds),
    card.error && el('p.danger', {}, t('Failed: {reason} Darkroom runs without it.', { reason: card.reason })),
    card.error && el('details', {}, el('summary', {}, t('Traceback')), el('pre', {}, card.error)),
    card.restart && el('p.muted', {}, t('Takes effect on the page at the next start.')),
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
      toast(on ? t('{title} is on', { title: card.title }) : t('{title} is off', { title: card.title }));
    } catch (problem) {
      complain(problem);
      await ask(list, mine);  // how it really is
    }
  });
}
