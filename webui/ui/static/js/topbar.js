// @ts-check
// Mark and name, how many wait, what the engine does, dark or light.

import { el, iconButton } from './dom.js';
import { engineState } from './status.js';
import { component, state } from './state.js';
import { go, switchTheme } from './tabs.js';
import { toast } from './toast.js';
import { makeNameBar } from './who.js';
import { makeWhoPanel } from './who-panel.js';
import { count } from './format.js';

const WORDS = { starting: 'Engine starting', loading: 'Loading model', restarting: 'Engine restarting', off: 'Engine off', ready: 'Ready', working: 'Working' };

component('topbar', (root) => {
  const status = el('span.pill', {}, el('i'), el('span'));
  const queue = el('button.pill.count', { type: 'button', title: 'Open the queue', onclick: () => go('queue') });
  const names = makeNameBar();
  const who = makeWhoPanel();
  const trouble = el('button.pill.trouble', { type: 'button', onclick: () => state.troubles.forEach((each) => toast(each, { kind: 'error' })) });
  const brand = el('h1.brand', {}, el('span.mark', { 'aria-hidden': 'true' }), el('span', {}, 'Darkroom'));
  root.replaceWith(
    el('header.topbar', {}, brand, el('div.right', {}, trouble, queue, status, who.root, iconButton('theme', 'Dark or light', switchTheme))),
    names.root,
    who.panel,
    el('div.visually-hidden', { id: 'announcer', 'aria-live': 'polite' }),
  );
  return {
    draw() {
      names.draw();
      who.draw();
      const waiting = [...state.jobs.values()].filter((job) => job.state === 'queued').length;
      const name = pill(engineState(state));
      status.dataset.state = name;
      status.lastChild.textContent = name === 'offline' ? 'Offline' : name === 'paused' ? 'Queue paused' : WORDS[name];
      trouble.hidden = !state.troubles.length;
      trouble.textContent = count(state.troubles.length, 'fault');
      trouble.title = state.troubles.join('\n');
      queue.hidden = !waiting;
      queue.textContent = `${waiting} waiting`;
    },
  };
});

function pill(engine) {
  if (!state.online) return 'offline';
  if (['ready', 'working'].includes(engine.state) && state.now.name === 'loading') return 'loading';
  if (engine.state === 'ready' && [...state.jobs.values()].some((job) => job.state === 'running')) return 'working';
  if (engine.state === 'ready' && state.paused) return 'paused';
  return WORDS[engine.state] ? engine.state : 'off';
}
