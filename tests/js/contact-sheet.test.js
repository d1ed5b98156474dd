import { test } from 'node:test';
import assert from 'node:assert/strict';
import { markOf, spoken, titleOf, toggled, whenOf } from '../../webui/ui/static/js/contact-sheet.js';

test('when a session was', () => {
  const now = new Date(2026, 10, 29, 15, 0);
  const at = (...date) => whenOf(new Date(...date).getTime() / 1000, now, 'en-GB');
  assert.equal(at(2026, 10, 29, 14, 4), '14:04');
  assert.equal(at(2026, 10, 28, 23, 59), 'Yesterday, 23:59');
  assert.equal(at(2026, 10, 12, 9, 5), '12 Nov, 09:05');
  assert.equal(at(2025, 10, 12, 9, 5), '12 Nov 2025, 09:05');
});

test('names and marks in words', () => {
  assert.equal(titleOf({ prompt: ' a\n red  apple ' }), 'a red apple');
  assert.equal(titleOf({ prompt: '' }), 'No prompt');
  assert.equal(spoken('owl', { rating: 1, flag: -1 }), 'owl, rejected, 1 star');
  assert.equal(spoken('owl', { rating: 4, flag: 1 }), 'owl, kept, 4 stars');
  assert.equal(spoken('owl', {}), 'owl');
});

test('keys that mark', () => {
  assert.deepEqual(['0', '5', 'p', 'X', 'u'].map(markOf), [{ rating: 0 }, { rating: 5 }, { flag: 1 }, { flag: -1 }, { flag: 0 }]);
  assert.deepEqual(['6', 'a', 'Enter', ''].map(markOf), [null, null, null, null]);
});

test('a part of a query is put in or taken out', () => {
  assert.equal(toggled('owl  kept', 'rated>3'), 'owl kept rated>3');
  assert.equal(toggled('owl kept', 'kept'), 'owl');
  assert.equal(toggled('', 'kept'), 'kept');
});
