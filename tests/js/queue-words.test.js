import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';

import { firstWaiting, isMine, lookOf, ordered, quotaWords, sharing, stateLine } from '../../webui/ui/static/js/queue-words.js';
import { engine, job } from './values.js';

beforeEach(() => {
  mock.restoreAll();
  mock.method(performance, 'now', () => 100_000);
});

const ids = (jobs) => jobs.map(({ id }) => id).join('');

test('running ones first, then the waiting in their order; what has ended is not there', () => {
  const jobs = [job({ id: 'a', order: 5 }), job({ id: 'b', order: -2 }), job({ id: 'c', state: 'running', order: 9 }), job({ id: 'd', state: 'done' }), job({ id: 'e', state: 'running', order: 1 })];
  assert.equal(ids(ordered(jobs)), 'ecba');
  assert.equal(firstWaiting(ordered(jobs)), 2);
  assert.equal(firstWaiting([]), -1);
});

test('mine are those of my name, also where I may touch all', () => {
  assert.ok(isMine(job({ owner: 'ann' }), 'ann'));
  assert.ok(!isMine(job({ owner: 'bob' }), 'ann'));
  assert.ok(!isMine(job({ owner: 'ann', mine: false }), 'ann'));
});

test('limits in words', () => {
  const quota = { name: 'jobs', limit: 10, used: 7, left: 3, renews: null };
  assert.equal(quotaWords(quota), 'Jobs at a time: 3 of 10 left');
  const renews = new Date(2026, 0, 1, 0, 0).toISOString();
  assert.match(quotaWords({ name: 'minutes', limit: 60, used: 47.54, left: 12.46, renews }), /^Engine minutes today: 12\.5 of 60 left, renewed at .*00/);
  assert.match(quotaWords({ ...quota, name: 'megapixels', left: 0 }), /^Megapixels today: 0 of 10 left$/);
});

test('jobs that share a batch', () => {
  const engines = [engine({ jobs: ['x'] }), engine({ jobs: ['a', 'b'] })];
  assert.deepEqual(sharing(job(), engines), ['a', 'b']);
  assert.deepEqual(sharing(job({ id: 'z' }), engines), []);
});

test('a row is made anew when its buttons change, and not with every step', () => {
  const waiting = [job({ id: 'r', state: 'running' }), job(), job({ id: 'b' })];
  const look = () => lookOf(waiting[1], waiting, []);
  const before = look();
  waiting[1].progress = { step: 1 };
  assert.equal(look(), before);
  for (const change of [{ stopping: true }, { priority: 3 }, { images: [{}] }, { state: 'running' }]) {
    Object.assign(waiting[1], change);
    assert.notEqual(look(), before, JSON.stringify(change));
  }
  assert.notEqual(lookOf(waiting[2], waiting, []), lookOf(waiting[2], [waiting[2]], []));
});

test('the end of a row: how far, when, or how long it took', () => {
  const running = job({ id: 'r', state: 'running', progress: { phase: 'sampling', step: 3, steps: 20, left: 12 } });
  const waiting = [running, job({ startsIn: 40, toldAt: 90 }), job({ id: 'b', number: 7 })];
  assert.equal(stateLine(running, waiting), 'Step 3 of 20 · 12 s left');
  assert.equal(stateLine(waiting[1], waiting), 'Number 1 · Starts in about 30 s');
  assert.equal(stateLine(waiting[2], waiting), 'Number 7');
  assert.equal(stateLine(job({ state: 'done', seconds: 5 }), waiting), '5 s');
  assert.equal(stateLine(job({ state: 'failed' }), waiting), '');
});
