// @ts-check
// The tab bar and the theme. What is in a tab is made at its first visit.

import { here, visit, watchAddress } from './address.js';
import { $, $$ } from './dom.js';
import { t } from './language.js';
import { store, stored } from './storage.js';
import { draw, hasCanvas, MODES, mount, parts, state } from './state.js';
import { toast } from './toast.js';

const tabOf = (name) => $(`#tab-${CSS.escape(name)}-button`);
const tabs = () => $$('#nav [role=tab]');
const nameOf = (tab) => tab.id.replace(/^tab-|-button$/g, '');

const places = {};  // how far each tab was scrolled

/** What a tab is made of, where it is not needed from the start. @type {Record<string, () => Promise<unknown>>} */
const MODULES = {
  extras: () => import('./extras.js'),
  gallery: () => import('./gallery.js'),
  'png-info': () => import('./png-info.js'),
  grid: () => import('./grid.js'),
  models: () => import('./models.js'),
  settings: () => import('./settings.js'),
  extensions: () => import('./extensions.js'),
};

/** From the first touch or key on, or where the pointer or the focus nears the tabs, fetch what they are made of: each opens at once then. */
function fetchAhead() {
  const asked = new AbortController();
  const fetchOnce = () => {
    asked.abort();
    MODULES['png-info']().catch(() => {});  // they come in one file; it is asked for again when a tab is opened
  };
  for (const kind of ['pointermove', 'focusin']) $('#nav').addEventListener(kind, fetchOnce, { signal: asked.signal, passive: true });
  for (const kind of ['pointerdown', 'keydown']) addEventListener(kind, fetchOnce, { signal: asked.signal, passive: true });
}

/** Open a tab; waits until it is drawn. One that does not exist stays closed. @param {string} name */
export async function go(name) {
  if (tabOf(name) && name !== state.tab) await open(name);
}

/** @param {string} name */
function open(name) {
  state.tab = name;
  document.body.dataset.tab = MODES.includes(name) ? 'studio' : name;
  if (MODES.includes(name)) {
    $('#studio').setAttribute('aria-labelledby', tabOf(name).id);
    document.body.dataset.mode = name;
    state.mode = /** @type {import('./page-types.d.ts').Mode} */ (name);
    state.view = hasCanvas() && (name === 'inpaint' || parts.mask?.touched()) ? 'mask' : 'result';
  }
  for (const tab of tabs()) {
    const isOpen = nameOf(tab) === name;
    tab.setAttribute('aria-selected', String(isOpen));
    tab.tabIndex = isOpen ? 0 : -1;
    const panel = $(`#tab-${CSS.escape(nameOf(tab))}`);
    if (panel) panel.hidden = !isOpen;
  }
  if (here().tab !== name) visit(`#${name}`);
  scrollTo({ top: places[name] ?? 0, behavior: 'instant' });
  const filled = fill(name);  // it may move what came in above out of the way
  tabOf(name).scrollIntoView({ block: 'nearest', inline: 'nearest' });
  draw();
  return filled;
}

/** What a tab shows: our own part, or an extension's page in its frame. @param {string} name */
async function fill(name) {
  if (MODULES[name] && !parts[name]) {
    try {
      await MODULES[name]();
    } catch {
      return toast(t('This tab could not be fetched. Open another one, then try again.'), { kind: 'error' });
    }
  }
  mount(name);
  if (state.tab === name) parts[name]?.opened?.();
  draw();
  const frame = $(`#tab-${CSS.escape(name)} > iframe[data-src]`);
  if (!frame) return;
  frame.src = frame.dataset.src;
  delete frame.dataset.src;
}

/** `first`: the tab that somebody pressed before this script ran; it goes before the address. @param {string | undefined} first */
export function watchTabs(first) {
  for (const tab of tabs()) tab.onclick = () => go(nameOf(tab));
  $('#nav [role=tablist]').addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    const all = tabs(), at = all.indexOf(event.target);
    const ahead = document.documentElement.dir === 'rtl' ? 'ArrowLeft' : 'ArrowRight', back = ahead === 'ArrowLeft' ? 'ArrowRight' : 'ArrowLeft';
    const next = { [ahead]: all[(at + 1) % all.length], [back]: all.at(at - 1), Home: all[0], End: all.at(-1) }[event.key];
    if (at < 0 || !next || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    go(nameOf(next));
    next.focus();
  });
  if (first || !location.hash || !tabOf(here().tab)) visit(`#${first ?? 'txt2img'}`, { instead: true });
  open(here().tab);
  watchAddress(arrive);
  fetchAhead();
  addEventListener('scroll', () => { places[state.tab] = scrollY; }, { passive: true });
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
