// @ts-check
// API keys in Settings: make one, see its text this once, take it back.

import { keys } from './api.js';
import { el } from './dom.js';
import { mayDo, SCOPES } from './key-words.js';
import { secretList, shownOnce } from './secret-list.js';

/** The list, and a row to make one. @param {boolean} admin */
export function keyCard(admin) {
  const name = el('input', { id: 'key-name', type: 'text', maxlength: 100, placeholder: 'What it is for' });
  const scope = el('select', { 'aria-label': 'What it may do' }, ...SCOPES.filter((each) => admin || !each.scopes.includes('admin')).map((each, place) => el('option', { value: each.label, selected: place === 1 }, each.label)));
  return secretList({
    what: 'API keys',
    words: 'api keys key token programs krita client scope',
    about: el('div.setting-text', {}, el('label', { for: 'key-name' }, 'New key'), el('p.muted', {}, 'For a program that speaks for you here. Its text is shown once.')),
    fields: [name, scope],
    submit: 'Make key',
    make: async () => {
      const made = await keys.make({ name: name.value.trim(), scopes: SCOPES.find((each) => each.label === scope.value)?.scopes ?? ['read'] });
      name.value = '';
      return shownOnce('key', made.key);
    },
    rows: async () => (await keys.all()).keys.map((key) => {
      const title = key.name || 'Without a name';
      const about = `${key.owner} · ${mayDo(key.scopes)} · since ${new Date(key.created).toLocaleDateString()}`;
      return { title, about, gone: `${title}: the key opens nothing any more`, remove: () => keys.remove(key.id) };
    }),
  });
}
