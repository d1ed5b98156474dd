import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

import { forget, owner, ROOT, store, stored } from '../../webui/ui/static/js/storage.js';

/** A browser's storage; `full` is one that takes nothing, `off` one that is not there. */
function storage({ full = false, off = false } = {}) {
  const kept = new Map();
  const guard = (act) => (...words) => { if (off) throw new Error('denied'); return act(...words); };
  return {
    getItem: guard((key) => kept.get(key) ?? null),
    removeItem: guard((key) => kept.delete(key)),
    setItem: guard((key, value) => { if (full) throw new Error('quota'); kept.set(key, value); }),
  };
}
const use = (what) => Object.defineProperty(globalThis, 'localStorage', { value: what, configurable: true });
beforeEach(() => {
  use(storage());
  globalThis.document = { cookie: '' };
});

test('what is stored comes back, large numbers as their digits', () => {
  store('form', { prompt: 'an apple', seed: '18446744073709551615', on: false });
  assert.deepEqual(stored('form', {}), { prompt: 'an apple', seed: '18446744073709551615', on: false });
  localStorage.setItem('darkroom.form', '{"seed": 18446744073709551615}');
  assert.equal(stored('form', {}).seed, '18446744073709551615');
  forget('form');
  assert.deepEqual(stored('form', { a: 1 }), { a: 1 });
});

test('what cannot be read is as if it were not there', () => {
  localStorage.setItem('darkroom.folds', '{broken');
  assert.deepEqual(stored('folds', []), []);
  localStorage.setItem('darkroom.folds', 'null');
  assert.deepEqual(stored('folds', []), []);
});

test('a browser that stores nothing is no reason to stop', () => {
  for (const kind of [{ full: true }, { off: true }]) {
    use(storage(kind));
    store('theme', 'dark');
    forget('theme');
    assert.equal(stored('theme', 'light'), 'light');
  }
});

test('the owner is a cookie', () => {
  assert.equal(owner(), '');
  document.cookie = 'other=1; darkroom_owner=%C3%84nn%3B%20x; last=2';
  assert.equal(owner(), 'Änn; x');
});

test('the root is the folder above the scripts', () => assert.match(ROOT, /\/webui$/));
