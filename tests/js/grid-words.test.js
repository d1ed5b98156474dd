import assert from 'node:assert/strict';
import { test } from 'node:test';

import { cellWords, countOf, ended, joined, nameOf, plotWords, progressOf, stepOf, titleOfAxis, toggledValue, valuesIn } from '../../webui/ui/static/js/grid-words.js';

test('values stand between commas, in quotes where they need them', () => {
  assert.equal(joined(['Euler', 'a, b', 'say "hi"']), 'Euler, "a, b", "say ""hi"""');
});

test('a grid says how far it is', () => {
  assert.equal(progressOf({ counts: { done: 3, failed: 1, running: 2 }, total: 9, state: 'active' }), '3 of 9 cells, 1 failed, 2 running');
  assert.equal(progressOf({ counts: { done: 3, cancelled: 6 }, total: 9, state: 'cancelled' }), '3 of 9 cells, stopped');
  assert.equal(ended({ counts: { done: 3, cancelled: 6 } }), 9);
});

test('it is called by its title or its axes', () => {
  const axes = [{ title: 'Steps' }, { title: 'Seed' }];
  assert.equal(nameOf({ title: '', axes }), 'Steps × Seed');
  assert.equal(nameOf({ title: 'Mine', axes }), 'Mine');
});

test('how many cells there will be', () => {
  assert.equal(countOf([3, 4, 1]), '3 × 4 = 12 cells');
  assert.equal(countOf([5, 1, 1]), '5 cells');
  assert.equal(countOf([1, 1, 1]), '1 cell');
});

test('a grid is drawn anew at each quarter and at the end', () => {
  const at = (done, state = 'active') => stepOf({ counts: { done }, total: 100, state });
  assert.equal(at(1), at(24));
  assert.notEqual(at(24), at(25));
  assert.notEqual(at(99), at(100, 'done'));
});

test('values between commas are taken apart and put together', () => {
  assert.deepEqual(valuesIn(' a, "b, c",, "say ""x""",d '), ['a', 'b, c', 'say "x"', 'd']);
  assert.deepEqual(valuesIn(''), []);
  assert.equal(toggledValue('Euler, Heun', 'Heun'), 'Euler');
  assert.equal(toggledValue('', 'DPM++ 2M'), 'DPM++ 2M');
  assert.equal(toggledValue('a', 'b, c'), 'a, "b, c"');
});

test('a cell says where it stands, a grid what it varies', () => {
  const axes = [{ kind: 'guidance', name: 'CFG Scale', title: 'CFG Scale', of: '', values: [3, 7], labels: ['3', '7'] }, { kind: 'Prompt S/R', name: 'Prompt S/R', title: 'Prompt S/R', of: '', values: ['red', 'blue'], labels: ['red', 'blue'] }];
  assert.equal(cellWords({ axes }, { x: 1, y: 0, z: 0 }), 'CFG Scale 7, red');
  assert.equal(plotWords({ axes }), 'X Type: CFG Scale, X Values: "3, 7", Y Type: Prompt S/R, Y Values: "red, blue"');
});

test('a word of the prompt is called by itself', () => {
  assert.equal(titleOfAxis({ kind: 'Prompt S/R', title: 'Prompt S/R', labels: ['red', 'blue'] }), '“red”');
  assert.equal(titleOfAxis({ kind: 'steps', title: 'Steps', labels: ['5'] }), 'Steps');
});
