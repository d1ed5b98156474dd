// @ts-check
// The tab bar and the theme. Gradio says which tab is open only by aria-selected, so that attribute is watched.

import { here, visit, watchAddress } from './address.js';
import { $ } from './dom.js';
import { store, stored } from './storage.js';
import { draw, hasCanvas, MODES, parts, state } from './state.js';

const tabOf = (name) => $(`#tab-${CSS.escape(name)}-button`);
export const go = (name) => tabOf(name)?.click();

const places = {};  // how far each tab was scrolled

const bar = () => $('#nav > .tab-wrapper');
const nameOf = (tab) => tab.id.replace(/^tab-|-button$/g, '');

function changed(name) {
  state.tab = name;
  document.body.dataset.tab = MODES.includes(name) ? 'studio' : name;
  if (MODES.includes(name)) {
    state.mode = document.body.dataset.mode = name;
    state.view = hasCanvas() && (name === 'inpaint' || parts.mask?.touched()) ? 'mask' : 'result';
    tabOf(name)?.setAttribute('aria-controls', 'studio');
  }
  if (here().tab !== name) visit(`#${name}`);
  scrollTo({ top: places[name] ?? 0, behavior: 'instant' });
  parts[name]?.opened?.();
  tabOf(name)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
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
  const open = opened() ? nameOf(opened()) : 'txt2img';
  if (!location.hash || !tabOf(here().tab) || pressed(open)) visit(`#${open}`, { instead: true });
  if (here().tab !== open) go(here().tab);
  else changed(open);
  watchAddress(arrive);
  addEventListener('scroll', () => { places[state.tab] = scrollY; }, { passive: true });
}

/**
 * Whether somebody has pressed a tab before this script ran: what they chose goes before the address.
 * Gradio opens the first tab, so another one was pressed; the first one, pressed, has the focus.
 * @param {string} open
 */
function pressed(open) {
  return open !== nameOf($('[role=tab]', bar())) || document.activeElement === tabOf(open);
}

/** Back, Forward, or an address typed by hand. One that does not exist is put right. */
function arrive() {
  const { tab } = here();
  if (!tabOf(tab)) return visit(`#${state.tab}`, { instead: true });
  if (tab !== state.tab) go(tab);
  for (const part of Object.values(parts)) part.arrived?.();
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
