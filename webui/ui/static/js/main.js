// @ts-check
// Darkroom's page: the server wrote it, this brings it to life; everything that moves is drawn from one SSE stream.

import './topbar.js';
import './elsewhere.js';
import './first-visit.js';
import './source.js';
import './prompt-tools.js';
import './checkpoint-shelf.js';
import './prompt-tray.js';
import './words.js';
import './generate-controls.js';
import './dock.js';
import './stage.js';
import './queue.js';
import { $, $$ } from './dom.js';
import { watchDrops } from './drops.js';
import { watchDropZones } from './drop-zones.js';
import { reopenFolds, summarise, watchFolds } from './folds.js';
import { watchEnds } from './ends.js';
import { connect, rest, watchVisibility } from './event-stream.js';
import { form, lists, startForm } from './form.js';
import { watchFocus } from './focus.js';
import { watchKeys } from './keys.js';
import { language, t } from './language.js';
import { mount, state } from './state.js';
import { setTheme, wantedTheme, watchTabs } from './tabs.js';
import { watchCompletions } from './prompt-completion.js';
import { watchShelf } from './shelf-door.js';
import { ask, watchWaiting } from './picture-waits.js';
import { startWithDefault } from './presets.js';
import { stored } from './storage.js';
import { watchVary } from './vary.js';

function start() {
  if (language !== 'en') document.documentElement.style.setProperty('--word-extension', JSON.stringify(t('extension')));
  setTheme(wantedTheme());
  const isNew = !stored('form', null);
  for (const host of $$('[data-host]')) if (!host.closest('.tabitem')) mount(host.dataset.host);
  startForm();
  watchFolds();
  reopenFolds();
  summarise(form);
  watchTabs(early().findLast((id) => id.startsWith('tab-'))?.replace(/^tab-|-button$/g, ''));
  watchKeys();
  watchFocus();
  watchDropZones();
  watchDrops();
  watchVary();
  watchShelf();
  colourWhenUsed();
  watchCompletions();
  watchEnds(rest);
  watchWaiting();
  watchVisibility();
  connect();
  lists();
  if (isNew) startWithDefault();
  ask();
  if (state.tab === 'txt2img' && document.activeElement === document.body && matchMedia('(hover: hover)').matches) $('#prompt textarea')?.focus({ preventScroll: true });
  if (early().includes('generate')) $('#generate').click();
  delete globalThis.pressedEarly;
}

/** Colour under the prompts comes with the first touch or key, and costs the first visit nothing. */
function colourWhenUsed() {
  const used = new AbortController();
  const colour = async () => {
    used.abort();
    const { watchColours } = await import('./prompt-colour.js').catch(() => ({ watchColours() {} }));  // a decoration: without it all is as it was
    watchColours();
  };
  for (const kind of ['pointermove', 'pointerdown', 'keydown', 'input']) addEventListener(kind, colour, { signal: used.signal, passive: true });
}

/** The ids of the buttons that were pressed before this script ran. @returns {string[]} */
const early = () => globalThis.pressedEarly ?? [];

start();

export { state };
