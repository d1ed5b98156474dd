// Darkroom's page. Gradio holds the form and calls what is exported here; everything that moves is drawn from one SSE stream.

import './topbar.js';
import './source.js';
import './prompt-tools.js';
import './run.js';
import './stage.js';
import './gallery.js';
import './queue.js';
import './png-info.js';
import './settings.js';
import './extensions.js';
import { $ } from './dom.js';
import { watchDrops } from './drops.js';
import { reopenFolds, summarise, watchFolds } from './folds.js';
import { connect, watchVisibility } from './follow.js';
import { form } from './form.js';
import { watchKeys } from './keys.js';
import { component, state } from './state.js';
import { setTheme, wantedTheme, watchTabs } from './tabs.js';

export { generate, lastSeed, merged, ratioOf, remember, restore, sizeOf, swapped } from './form.js';
export { mount } from './state.js';

component('patch', () => ({}));

function start() {
  setTheme(wantedTheme());
  watchTabs(() => {
    reopenFolds();
    summarise(form);
    if (!location.hash || location.hash === '#txt2img') if (matchMedia('(hover: hover)').matches) $('#prompt textarea')?.focus({ preventScroll: true });
  });
  watchKeys();
  watchFolds();
  watchDrops();
  watchVisibility();
  connect();
}

// Gradio inserts `head` from its own script, after DOMContentLoaded: waiting for that event alone would wait for ever.
if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start);
else start();

export { state };
