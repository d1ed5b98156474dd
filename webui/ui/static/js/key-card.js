// @ts-check
/** @import { KeyBody, MadeKey } from './api-types.d.ts' */
// API keys in Settings: make one, see its text this once, take it back.

import { keys } from './api.js';
import { button, copyText, el, iconButton } from './dom.js';
import { complain, toast } from './toast.js';
import { mayDo, SCOPES } from './key-words.js';

/** The list, and a row to make one. @param {boolean} admin */
export function keyCard(admin) {
  const list = el('div.keys', { role: 'list', 'aria-label': 'API keys' });
  const fresh = el('div.new-key', { role: 'status' });
  const root = el('div.setting', { 'data-words': 'api keys key token programs krita client scope' },
    el('div.setting-text', {}, el('label', { for: 'key-name' }, 'New key'), el('p.muted', {}, 'For a program that speaks for you here. Its text is shown once.')),
    makeRow(admin, list, fresh), fresh, list);
  refresh(list);
  return root;
}

function makeRow(admin, list, fresh) {
  const name = el('input', { id: 'key-name', type: 'text', maxlength: 100, placeholder: 'What it is for' });
  const scope = el('select', { 'aria-label': 'What it may do' }, ...SCOPES.filter((each) => admin || !each.scopes.includes('admin')).map((each, place) => el('option', { value: each.label, selected: place === 1 }, each.label)));
  const make = async () => {
    try {
      const made = await keys.make({ name: name.value.trim(), scopes: SCOPES.find((each) => each.label === scope.value)?.scopes ?? ['read'], owner: '' });
      name.value = '';
      fresh.replaceChildren(...shownOnce(made));
      await refresh(list);
    } catch (problem) {
      complain(problem);
    }
  };
  return el('div.setting-value.key-row', {}, name, scope, button('plus', 'Make key', make));
}

/** @param {MadeKey} made */
function shownOnce(made) {
  const copy = async () => {
    try {
      await copyText(made.key);
      toast('Key copied');
    } catch (problem) {
      complain(problem);
    }
  };
  return [el('p', {}, 'Copy this key now: it is not shown again.'), el('div.row-of-buttons', {}, el('code', { 'aria-label': 'The new key' }, made.key), button('copy', 'Copy key', copy))];
}

async function refresh(list) {
  try {
    const all = (await keys.all()).keys;
    list.replaceChildren(...all.map((key) => keyRow(key, list)));
  } catch (problem) {
    list.replaceChildren(el('p.field-error', {}, `The keys cannot be read. ${problem.message}`));
  }
}

/**
 * @param {KeyBody} key
 * @param {any} list
 */
function keyRow(key, list) {
  const title = key.name || 'Without a name';
  const remove = async () => {
    try {
      await keys.remove(key.id);
      toast(`${title}: the key opens nothing any more`);
    } catch (problem) {
      complain(problem);
    }
    await refresh(list);
  };
  return el('div.key', { role: 'listitem' }, el('div.setting-text', {}, el('span', {}, title), el('p.muted', {}, `${key.owner} · ${mayDo(key.scopes)} · since ${new Date(key.created).toLocaleDateString()}`)),
    iconButton('trash', `Take back ${title}`, remove));
}
