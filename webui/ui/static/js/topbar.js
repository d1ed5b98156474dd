// @ts-check
// Mark and name, how many wait, what the engine does, dark or light.

import { announcer, el, iconButton } from './dom.js';
import { findButton } from './find.js';
import { t } from './language.js';
import { engineState } from './status.js';
import { component, state } from './state.js';
import { toggleQueue } from './queue-drawer.js';
import { ENGINE_WORDS } from './queue-words.js';
import { switchTheme } from './tabs.js';
import { toast } from './toast.js';
import { makeNameBar } from './who.js';
import { makeWhoPanel } from './who-panel.js';
import { count } from './format.js';


/** The second click of a double click meant what was there before. @param {MouseEvent} event */
const pressed = (event) => { if (event.detail < 2) toggleQueue(); };

component('topbar', (root) => {
  const status = el('button.pill.status', { type: 'button', title: t('Queue (Alt+Q)'), 'aria-keyshortcuts': 'Alt+Q', onclick: pressed }, el('i'), el('span'));
  const queue = el('button.pill.count', { type: 'button', title: t('Queue (Alt+Q)'), onclick: pressed });
  const names = makeNameBar();
  const who = makeWhoPanel();
  const trouble = el('button.pill.trouble', { type: 'button', onclick: () => state.troubles.forEach((each) => toast(each, { kind: 'error' })) });
  const brand = el('h1.brand', {}, el('span.mark', { 'aria-hidden': 'true' }), el('span', {}, 'Darkroom'));
  const right = el('div.right', {}, findButton(), trouble, queue, status, who.root, iconButton('theme', t('Dark or light'), switchTheme));
  new ResizeObserver(() => document.documentElement.style.setProperty('--topbar-end', `${right.offsetWidth + 24}px`)).observe(right);  // the tabs end before it
  root.replaceWith(
    el('header.topbar', {}, brand, right),
    names.root,
    who.panel,
    announcer({ id: 'announcer' }),
  );
  return {
    draw() {
      names.draw();
      who.draw();
      const waiting = [...state.jobs.values()].filter((job) => job.state === 'queued').length;
      const name = pill(engineState(state));
      status.dataset.state = name;
      status.lastChild.textContent = name === 'offline' ? t('Offline') : name === 'paused' ? t('Queue paused') : ENGINE_WORDS[name];
      trouble.hidden = !state.troubles.length;
      trouble.textContent = count(state.troubles.length, 'fault');
      trouble.title = state.troubles.join('\n');
      queue.hidden = !waiting;
      queue.textContent = t('{waiting} waiting', { waiting });
    },
  };
});

function pill(engine) {
  if (!state.online) return 'offline';
  if (['ready', 'working'].includes(engine.state) && state.now.name === 'loading') return 'loading';
  if (engine.state === 'ready' && [...state.jobs.values()].some((job) => job.state === 'running')) return 'working';
  if (engine.state === 'ready' && state.paused) return 'paused';
  return ENGINE_WORDS[engine.state] ? engine.state : 'off';
}
