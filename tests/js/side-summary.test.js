import assert from 'node:assert/strict';
import { test } from 'node:test';

import { parted } from '../../webui/ui/static/js/side-summary.js';

const several = (many) => `${many} values`;

test('what all have is told apart from what differs', () => {
  const sides = [[['Steps', 20], ['CFG', 5], ['Seed', 1]], [['Steps', 20], ['CFG', 7], ['Seed', 2]], [['Steps', 20], ['CFG', 7], ['Seed', 3]]];
  assert.deepEqual(parted(sides, several), { same: [['Steps', '20']], different: [['CFG', '5 · 7'], ['Seed', '3 values']] });
});

test('what only some have differs', () => {
  assert.deepEqual(parted([[['Clip skip', 2]], []], several), { same: [], different: [['Clip skip', '2']] });
});
