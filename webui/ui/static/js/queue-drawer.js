// @ts-check
// The queue beside the work (Alt+Q, or a click on the state): what runs and what waits, what is told at the end, who sees what. On a phone its tab is opened.

import { $, el, heading, iconButton } from './dom.js';
import { isOn, switchChime, switchTell } from './ends.js';
import { askQueue } from './event-stream.js';
import { switchForever } from './generate-controls.js';
import { t } from './language.js';
import { makePause, update } from './queue.js';
import { ordered, quotaWords } from './queue-words.js';
import { draw, parts, state } from './state.js';
import { go } from './tabs.js';
import { whoSees } from './who.js';

const NARROW = '(max-width: 760px)';

/** @type {any} */
const it = { box: null, before: null };

const isOpen = () => Boolean(it.box) && !it.box.hidden;

export function toggleQueue() {
  if (matchMedia(NARROW).matches || state.tab === 'queue') return go('queue');
  if (isOpen()) return close();
  if (document.body.dataset.drawer === 'shelf') parts.shelf?.toggle();
  it.box ??= build();
  it.before = document.activeElement;
  it.box.hidden = false;
  document.body.dataset.drawer = 'queue';
  askQueue();
  draw();
  $('button', it.box).focus();
}

/** Escape from inside, or from nowhere, closes it. @param {any} target */
export function escapeQueue(target) {
  if (!isOpen() || (!it.box.contains(target) && target !== document.body)) return false;
  close();
  return true;
}

function close() {
  const inside = it.box.contains(document.activeElement);
  it.box.hidden = true;
  if (document.body.dataset.drawer === 'queue') delete document.body.dataset.drawer;
  if (inside && it.before?.isConnected && it.before !== document.body) it.before.focus({ preventScroll: true });
}

function build() {
  const rows = el('div.queue', { role: 'list', 'aria-label': t('Jobs') });
  const empty = el('p.muted', {}, t('Nothing is waiting'));
  const pause = iconButton('pause', t('Pause'), makePause());
  const sees = el('p.muted'), limits = el('p.muted');
  const forever = choice(t('Generate forever'), switchForever), tell = choice(t('Tell me when it is done'), switchTell), chime = choice(t('Sound when it is done'), switchChime);
  const box = el('aside.queue-drawer', { id: 'queue-drawer', 'aria-label': t('Queue'), hidden: true },
    heading(t('Queue'), el('span.grow'), pause, iconButton('close', t('Close (Esc)'), close)), rows, empty,
    el('button.action', { type: 'button', onclick: () => { close(); go('queue'); } }, t('History and the machine')),
    el('fieldset.choices', {}, el('legend.visually-hidden', {}, t('Afterwards')), forever.node, tell.node, chime.node), limits, sees);
  document.body.append(box);
  parts['queue-drawer'] = {
    draw() {
      if (box.hidden) return;
      if (document.body.dataset.drawer !== 'queue' || state.tab === 'queue') return close();  // the shelf, or the tab itself, has taken its place
      const list = ordered(state.jobs.values());
      update(rows, list);
      rows.hidden = !list.length;
      empty.hidden = list.length > 0;
      pause.hidden = !state.admin;
      pause.title = pause.ariaLabel = state.paused ? t('Resume') : t('Pause');
      pause.firstChild.className = `glyph icon-${state.paused ? 'play' : 'pause'}`;
      forever.box.checked = state.forever;
      tell.box.checked = isOn('tell');
      chime.box.checked = isOn('chime');
      limits.textContent = state.limits.map(quotaWords).join(' · ');
      sees.textContent = whoSees();
    },
  };
  return box;
}

/** @param {string} label @param {() => unknown} act */
function choice(label, act) {
  const box = el('input', { type: 'checkbox', onchange: () => Promise.resolve(act()).finally(draw) });
  return { box, node: el('label.check', {}, box, label) };
}
