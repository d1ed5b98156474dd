import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bytes, clock, count, facts, pace, promptOf, size, some } from '../../webui/ui/static/js/format.js';
import { image } from './values.js';

test('times', () => {
  for (const [seconds, words] of [[0, 'under 1 s'], [0.9, 'under 1 s'], [1, '1 s'], [89.4, '89 s'], [90, '2 min'], [5399, '90 min'], [5400, '1.5 h'], [86400, '24.0 h']])
    assert.equal(clock(seconds), words);
});

test('speeds', () => {
  for (const [speed, words] of [[0, ''], [12.34, '12.3 it/s'], [1, '1.0 it/s'], [0.25, '4.0 s/it']]) assert.equal(pace(speed), words);
});

test('sizes of files, pictures and lists', () => {
  for (const [n, words] of [[0, '0 KB'], [1, '1 KB'], [1025, '2 KB'], [2 ** 20, '1 MB'], [1.5 * 2 ** 30, '1.5 GB']]) assert.equal(bytes(n), words);
  assert.equal(size(512, 768), '512 × 768');
  assert.deepEqual([count(0, 'job'), count(1, 'job'), count(2, 'job'), count(2, 'entry', 'entries')], ['0 jobs', '1 job', '2 jobs', '2 entries']);
});

test('names, and how many more', () => {
  assert.equal(some(['a.txt']), 'a.txt');
  assert.equal(some(['a', 'b', 'c'], 3), 'a, b, c');
  assert.equal(some(['a', 'b', 'c', 'd', 'e'], 3), 'a, b, c and 2 more');
});

test('what a picture was made with', () => {
  const request = { sampler: 'Euler', schedule: 'Karras', steps: 12, guidance: 5, hires: null };
  assert.equal(facts(image({ request })), '512 × 512 · Seed 1 · Euler Karras · 12 steps · CFG 5');
  assert.equal(facts(image({ request: { ...request, hires: { scale: 2 } }, seed: '18446744073709551615' })), '512 × 512 · Seed 18446744073709551615 · Euler Karras · 12 steps · CFG 5 · Hires. fix');
  assert.equal(facts(image({ request: null, seed: null })), '512 × 512');
});

test('a picture always has a name', () => {
  assert.equal(promptOf({ request: { prompt: 'an apple' } }), 'an apple');
  assert.equal(promptOf({ request: { prompt: '' } }), 'No prompt');
  assert.equal(promptOf(image({ kind: 'upload', request: null })), 'Uploaded picture');
  assert.equal(promptOf(undefined), 'No prompt');
});
