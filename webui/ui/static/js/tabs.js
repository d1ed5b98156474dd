// The tab bar and the theme. Gradio says which tab is open only by aria-selected, so that attribute is watched.

import { $ } from './dom.js';
import { store, stored } from './memory.js';
import { draw, MODES, parts, state } from './state.js';

export const go = (name) => $(`#tab-${CSS.escape(name)}-button`)?.click();

const bar = () => $('#nav > .tab-wrapper');
const nameOf = (tab) => tab.id.replace(/^tab-|-button$/g, '');

function changed(name) {
  state.tab = name;
  document.body.dataset.tab = MODES.includes(name) ? 'studio' : name;
  if (MODES.includes(name)) {
    state.mode = document.body.dataset.mode = name;
    state.view = name === 'inpaint' && state.source.image ? 'mask' : 'result';
    $(`#tab-${name}-button`)?.setAttribute('aria-controls', 'studio');
  }
  history.replaceState(null, '', `#${name}`);
  parts[name]?.opened?.();
  $(`#tab-${CSS.escape(name)}-button`)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  draw();
}

export function watchTabs() {
  document.body.dataset.tab = 'studio';
  document.body.dataset.mode = 'txt2img';
  const arrival = new MutationObserver(() => arrived(arrival));
  arrival.observe(document.body, { subtree: true, childList: true });
  arrived(arrival);
}

function arrived(arrival) {
  if (!$('[role=tab]', bar() ?? document.createElement('i'))) return;
  arrival.disconnect();
  const opened = () => $('[role=tab][aria-selected=true]', bar());
  const now = () => {
    const open = opened();
    if (open && nameOf(open) !== state.tab) changed(nameOf(open));
  };
  new MutationObserver(now).observe($('#nav'), { subtree: true, attributes: true, attributeFilter: ['aria-selected'] });
  const wish = location.hash.slice(1);
  if (wish && wish !== 'txt2img' && $(`#tab-${CSS.escape(wish)}-button`)) go(wish);
  else changed(opened() ? nameOf(opened()) : 'txt2img');  // somebody may have been quicker than we
}

// ---------------------------------------------------------------------------------------------------------- theme
export const wantedTheme = () => stored('theme', matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark');

export function setTheme(name) {
  for (const node of [document.body, document.documentElement]) node.classList.toggle('dark', name === 'dark');
}

export function switchTheme() {
  const name = document.body.classList.contains('dark') ? 'light' : 'dark';
  store('theme', name);
  setTheme(name);
}
