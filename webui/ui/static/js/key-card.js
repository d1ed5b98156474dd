// @ts-check
// API keys in Settings: make one, see its text this once, take it back.

import { keys } from './api.js';
import { el } from './dom.js';
import { mayDo, SCOPES } from './key-words.js';
import { date, t } from './language.js';
import { secretList, shownOnce } from './secret-list.js';

const KEY = { now: t('Copy this key now: it is not shown again.'), label: t('The new key'), copy: t('Copy key'), copied: t('Key copied') };

/** The list, and a row to make one. @param {boolean} admin */
export function keyCard(admin) {
  const name = el('input', { id: 'key-name', type: 'text', maxlength: 100, placeholder: t('What it is for') });
  const scope = el('select', { 'aria-label': t('What it may do') }, ...SCOPES.filter((each) => admin || !each.scopes.includes('admin')).map((each, place) => el('option', { value: each.label, selected: place === 1 }, each.label)));
  return secretList({
    what: t('API keys'),
    words: 'api keys key token programs krita client scope',
    about: el('div.setting-text', {}, el('label', { for: 'key-name' }, t('New key')), el('p.muted', {}, t('For a program that speaks for you here. Its text is shown once.'))),
    fields: [name, scope],
    submit: t('Make key'),
    make: async () => {
      const made = await keys.make({ name: name.value.trim(), scopes: SCOPES.find((each) => each.label === scope.value)?.scopes ?? ['read'] });
      name.value = '';
      return shownOnce(KEY, made.key);
    },
    rows: async () => (await keys.all()).keys.map((key) => {
      const title = key.name || t('Without a name');
      const about = t('{owner} · {may} · since {date}', { owner: key.owner, may: mayDo(key.scopes), date: date(key.created) });
      return { title, about, gone: t('{title}: the key opens nothing any more', { title }), remove: () => keys.remove(key.id) };
    }),
  });
}
