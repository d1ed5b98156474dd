// @ts-check
// Below the place that makes pictures: where it is, what is sent there, what it does not use; and the one click that allows it.

import { backends } from './api.js';
import { button, el } from './dom.js';
import { t } from './language.js';
import { component, draw, state } from './state.js';
import { complain, toast } from './toast.js';
import { READ_ONLY } from './who.js';

component('elsewhere', (root) => {
  const told = el('p.muted', { role: 'status' });
  const allow = button('play', t('Allow it'), () => backends.accept(state.place.where).then(() => {
    state.place = { ...state.place, accepted: true };
    toast(t('Allowed. Settings, Elsewhere, takes it back.'));
    draw();
  }).catch(complain), { hidden: true });
  root.append(told, allow);
  return {
    draw() {
      const text = state.place.told;
      if (told.textContent !== text) told.textContent = text;
      root.hidden = !text;
      allow.hidden = state.place.accepted || !text;
      allow.disabled = !state.admin;
      allow.title = state.admin ? t('Nothing is sent before this is pressed once') : READ_ONLY;
    },
  };
});
