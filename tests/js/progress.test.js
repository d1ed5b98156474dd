import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';

import { advance, fraction, progressLine } from '../../webui/ui/static/js/progress.js';
import { job } from './values.js';

let seconds = 0;
beforeEach(() => {
  seconds = 100;
  mock.restoreAll();
  mock.method(performance, 'now', () => seconds * 1000);
});

const step = (n, more = {}) => ({ type: 'step', phase: 'sampling', step: n, steps: 20, batch: 0, batches: 1, ...more });
const close = (a, b) => assert.ok(Math.abs(a - b) < 1e-9, `${a} is not ${b}`);

/** Steps one after the other, each `each` seconds after the last. */
function run(target, steps, each) {
  for (const event of steps) {
    advance(target, event);
    seconds += each;
  }
  return target.progress;
}

test('speed and time left come from the steps seen', () => {
  const progress = run(job(), Array.from({ length: 11 }, (_, n) => step(n)), 0.5);
  close(progress.speed, 2);
  close(progress.done, 0.5);
  close(progress.left, 5);
});

test('nothing is said of the speed after one step, or from a burst', () => {
  assert.equal(run(job(), [step(1)], 1).speed, undefined);
  assert.equal(run(job(), [step(1), step(2), step(3)], 0.01).speed, undefined);
});

test('the speed is that of the last steps', () => {
  const target = job();
  run(target, Array.from({ length: 20 }, (_, n) => step(n, { steps: 60 })), 2);
  close(run(target, Array.from({ length: 20 }, (_, n) => step(20 + n, { steps: 60 })), 0.5).speed, 2);
});

test('a batch begins at the pace of the last one', () => {
  const target = job({ request: { steps: 20, batch_count: 2 } });
  const twice = (n, batch) => step(n, { batch, batches: 2 });
  run(target, [twice(1, 0), twice(20, 0)], 10);
  close(run(target, [twice(1, 1)], 1).speed, 1.9);
});

test('loading is no measure for the time left', () => {
  const target = job();
  run(target, [step(0, { phase: 'loading', steps: 0 })], 60);
  run(target, [step(0)], 1);
  close(run(target, [step(10)], 0).left, 1);
});

test('the part that is done', () => {
  const plain = job();
  assert.equal(fraction(plain, step(10)), 0.5);
  assert.equal(fraction(plain, step(0, { phase: 'loading', steps: 0 })), 0);
  assert.equal(fraction(plain, step(1, { phase: 'decoding', steps: 1 })), 1);
  assert.equal(fraction(plain, step(10, { batch: 1, batches: 4 })), 0.375);
  assert.equal(fraction(plain, step(20, { batch: 3, batches: 2 })), 1, 'never more than all');
});

test('a second pass weighs by its pixels and steps', () => {
  const target = job({ request: { steps: 20, hires: { scale: 2, steps: 10 } } });
  close(fraction(target, step(20)), 1 / 3);
  close(fraction(target, step(5, { phase: 'hires', steps: 10 })), 2 / 3);
  close(fraction(target, step(1, { phase: 'decoding', steps: 1 })), 1);
  close(fraction(job({ request: { steps: 20, hires: { scale: 2, steps: 0 } } }), step(20)), 1 / 5);
});

test('how far it is, in words', () => {
  const line = (progress, request = {}) => progressLine(job({ progress, request }));
  assert.equal(line(null), 'Starting');
  assert.equal(line({ phase: 'loading', step: 0, steps: 0 }), 'Loading model');
  assert.equal(line({ phase: 'sampling', step: 3, steps: 20 }), 'Step 3 of 20');
  assert.equal(line({ phase: 'hires', step: 3, steps: 20, batch: 1, batches: 4 }), 'Picture 2 of 4 · Hires. fix · Step 3 of 20');
  assert.equal(line({ phase: 'decoding', step: 0, steps: 1, batch: 0, batches: 2 }, { batch_size: 4 }), 'Batch 1 of 2 · Developing');
  assert.equal(line({ phase: 'a phase of tomorrow', step: 0, steps: 0 }), 'Starting');
});
