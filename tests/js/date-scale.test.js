import assert from 'node:assert/strict';
import { test } from 'node:test';

import { marksOf, scaleOf } from '../../webui/ui/static/js/date-scale.js';

const months = [{ month: '2026-12', count: 10 }, { month: '2026-11', count: 2 }, { month: '2025-12', count: 88 }, { month: '2025-01', count: 100 }];

test('every month is as long as the others', () => {
  const scale = scaleOf(months);
  assert.deepEqual([0, 5, 10, 11, 12, 100, 199].map(scale.placeOf), [0, 0.125, 0.25, 0.375, 0.5, 0.75, 0.9975]);
  assert.deepEqual([0, 0.125, 0.25, 0.5, 0.75, 1].map(scale.indexOf), [0, 5, 10, 12, 100, 199]);
  assert.deepEqual([0, 9, 10, 150].map(scale.monthOf), ['2026-12', '2026-12', '2026-11', '2025-01']);
});

test('what lies outside is at an end, and nothing is at the beginning', () => {
  const scale = scaleOf(months), none = scaleOf([]);
  assert.deepEqual([scale.placeOf(-3), scale.placeOf(900), scale.indexOf(-1), scale.indexOf(2)], [0, 0.9975, 0, 199]);
  assert.deepEqual([none.placeOf(4), none.indexOf(0.5), none.monthOf(0), none.step(0, 1)], [0, 0, '', 0]);
});

test('a step leads to the beginning of a month', () => {
  const scale = scaleOf(months);
  assert.deepEqual([scale.step(3, 1), scale.step(3, -1), scale.step(10, -1), scale.step(150, 1), scale.step(0, -1)], [10, 0, 0, 100, 0]);
});

test('a year is written where it begins to be another', () => {
  assert.deepEqual(marksOf(months), [{ at: 0, year: '' }, { at: 0.25, year: '' }, { at: 0.5, year: '2025' }, { at: 0.75, year: '' }]);
});
