// @ts-check
// Darkroom's page. Gradio holds the form and calls what is exported here; everything that moves is drawn from one SSE stream.

import './topbar.js';
import './elsewhere.js';
import './first-visit.js';
import './source.js';
import './prompt-tools.js';
import './checkpoint-shelf.js';
import './prompt-tray.js';
import './words.js';
import './generate-controls.js';
import './stage.js';
import './extras.js';
import './gallery.js';
import './queue.js';
import './grid.js';
import './models.js';
import './png-info.js';
import './settings.js';
import './extensions.js';
import { $, $$ } from './dom.js';
import { watchDrops } from './drops.js';
import { watchDropZones } from './drop-zones.js';
import { reopenFolds, summarise, watchFolds } from './folds.js';
import { watchEnds } from './ends.js';
import { connect, rest, watchVisibility } from './event-stream.js';
import { form, restore as restoreForm } from './form.js';
import { watchDropdowns } from './dropdowns.js';
import { watchFocus } from './focus.js';
import { watchKeys } from './keys.js';
import { language, t } from './language.js';
import { component, state } from './state.js';
import { setTheme, wantedTheme, watchTabs } from './tabs.js';
import { watchCompletions } from './prompt-completion.js';
import { watchShelf } from './shelf.js';
import { ask, watchWaiting } from './picture-waits.js';
import { startWithDefault } from './presets.js';
import { stored } from './storage.js';
import { watchVary } from './vary.js';

export { changed, generate, lastSeed, lists, merged, placed, ratioOf, sizeOf, swapped } from './form.js';
export { mountChain } from './finish-chain.js';
export { mountNumber } from './number-field.js';
export { mount } from './state.js';

component('patch', () => ({}));

/** Gradio's manifest lies at the root of the host, which a proxy that serves this page in a folder may give to somebody else. */
function ownManifest() {
  const link = $('link[rel=manifest]');
  if (link) Object.assign(link, { crossOrigin: 'use-credentials', href: new URL('../manifest.json', import.meta.url).href });
}

function start() {
  ownManifest();
  if (language !== 'en') document.documentElement.style.setProperty('--word-extension', JSON.stringify(t('extension')));
  setTheme(wantedTheme());
  watchTabs();
  watchKeys();
  watchDropdowns();
  watchFocus();
  watchFolds();
  watchDropZones();
  watchDrops();
  watchVary();
  watchShelf();
  watchCompletions();
  watchEnds(rest);
  watchWaiting();
  watchVisibility();
  connect();
}

/** Gradio's load event: only now the whole form is there. */
export function restore(start, values) {
  const isNew = !stored('form', null);
  const put = restoreForm(start, values);
  reopenFolds();
  summarise(form);
  oneGroup($('#ratio'));
  if (isNew) startWithDefault();
  ask();
  for (const button of $$('.icon-button')) button.title = button.textContent.trim();
  if (state.tab === 'txt2img' && document.activeElement === document.body && matchMedia('(hover: hover)').matches) $('#prompt textarea')?.focus({ preventScroll: true });
  return put;
}

/** Gradio gives each radio button a name of its own: with one name for all they are one stop of the Tab key, and arrows go through them. */
function oneGroup(set) {
  set.setAttribute('role', 'radiogroup');
  set.setAttribute('aria-label', $('[data-testid=block-info]', set).textContent);
  const name = () => { for (const radio of $$('input[type=radio]', set)) if (radio.name !== set.id) radio.name = set.id; };
  name();
  new MutationObserver(name).observe(set, { subtree: true, childList: true, attributeFilter: ['name'] });  // Gradio makes them anew
}

// Gradio inserts `head` from its own script, after DOMContentLoaded: waiting for that event alone would wait for ever.
if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start);
else start();

export { state };
