import assert from 'node:assert/strict';
import { test } from 'node:test';

import { added, sentence } from '../../webui/ui/static/js/toast-stack.js';

/** The messages after these were shown: [text, options] each. */
const shown = (...messages) => messages.reduce((notes, [text, options]) => added(notes, text, options).notes, []);
const undo = (run = () => {}) => ({ action: { label: 'Undo', run } });

test('three at once: the oldest gives way', () => {
  const { notes, gone } = added(shown(['a'], ['b'], ['c']), 'd');
  assert.deepEqual(notes.map(({ text }) => text), ['b', 'c', 'd']);
  assert.deepEqual(gone.map(({ text }) => text), ['a']);
});

test('equal messages are one with a count, at its old place', () => {
  const notes = shown(['a'], ['b'], ['a'], ['a']);
  assert.deepEqual(notes.map(({ text, times }) => [text, times]), [['a', 3], ['b', 1]]);
  assert.equal(added(notes, 'a').note, notes[0]);
});

test('the same words as an error, or with something to press, are another message', () => {
  assert.equal(shown(['a'], ['a', { kind: 'error' }], ['a', undo()]).length, 3);
});

test('actions of equal messages are run together, the newest first', () => {
  const done = [];
  const [note] = shown(['Deleted', undo(() => done.push(1))], ['Deleted', undo(() => done.push(2))]);
  note.runs.forEach((run) => run());
  assert.deepEqual([done, note.offer, note.times], [[2, 1], 'Undo', 2]);
});

test('what is to be pressed or read for long stays longer', () => {
  const lasts = (text, options) => added([], text, options).note.lasts;
  assert.ok(lasts('Saved') < lasts('Saved', undo()));
  assert.equal(lasts('x'.repeat(61)), lasts('Saved', undo()));
  assert.equal(lasts('Lost', { kind: 'error' }), lasts('Saved', undo()));
  assert.deepEqual(added([], 'Saved').gone, []);
});

test('a problem in one line', () => {
  assert.equal(sentence({ message: 'Out of memory.', advice: 'Take a smaller size.' }), 'Out of memory. Take a smaller size.');
  assert.equal(sentence({ message: 'Not connected.', advice: null }), 'Not connected.');
});
