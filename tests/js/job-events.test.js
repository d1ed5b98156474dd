import assert from 'node:assert/strict';
import { test } from 'node:test';

import { apply, known, renewed, spoken, takeOrder, takePicture } from '../../webui/ui/static/js/job-events.js';
import { image, job } from './values.js';

/** A job after these events. */
const after = (start, ...events) => {
  for (const event of events) apply(start, event);
  return start;
};
const STARTED = { type: 'started', attempt: 1, plan: { device: 'cpu' } };

test('a whole life', () => {
  const it = after(job(), STARTED);
  assert.deepEqual([it.state, it.attempts, it.plan, it.progress.phase], ['running', 1, { device: 'cpu' }, 'loading']);
  after(it, { type: 'step', phase: 'sampling', step: 5, steps: 20, batch: 0, batches: 1 }, { type: 'preview', frame: 3, width: 64, height: 32 });
  assert.deepEqual([it.progress.step, it.progress.done, it.progress.frame, it.progress.previewWidth, it.progress.previewHeight], [5, 0.25, 3, 64, 32]);
  after(it, { type: 'done', notes: ['No LoRA.'], seconds: 4, at: 'then' });
  assert.deepEqual([it.state, it.notes, it.seconds, it.finished], ['done', ['No LoRA.'], 4, 'then']);
});

test('failed, stopped, and waiting again', () => {
  const error = { message: 'Out of memory.' };
  assert.deepEqual(after(job(), STARTED, { type: 'failed', error, at: 'then' }).error, error);
  const stop = { type: 'cancelled', step: 4, steps: 20, at: 'then' };
  const stopped = after(job(), STARTED, stop);
  assert.deepEqual([stopped.state, stopped.stoppedAt, stopped.finished], ['cancelled', stop, 'then']);
  const again = after(job({ stopping: true, attempts: 1 }), STARTED, { type: 'queued', attempt: 2 });
  assert.deepEqual([again.state, again.attempts, again.stopping, again.progress], ['queued', 2, false, null]);
});

test('what went wrong once is no word on a job that was tried again', () => {
  const again = after(job(), STARTED, { type: 'failed', error: { message: 'Lost.' } }, { type: 'queued' });
  assert.equal(again.error, null);
  assert.equal(after(job({ error: { message: 'Lost.' } }), { type: 'done' }).error, null);
});

test('a step that comes after the end changes nothing', () => {
  const ended = after(job(), STARTED, { type: 'done' }, { type: 'step', phase: 'sampling', step: 5, steps: 20 }, { type: 'preview', frame: 9 });
  assert.deepEqual([ended.state, ended.progress.frame, ended.notes], ['done', undefined, []]);
});

test('a step of a job that was thought to wait says that it runs', () => {
  assert.equal(after(job(), { type: 'step', phase: 'sampling', step: 1, steps: 20, batch: 0, batches: 1 }).state, 'running');
});

test('a picture is kept once, with its job\'s request', () => {
  const it = job({ images: undefined, request: { prompt: 'x' } });
  assert.equal(takePicture(it, image({ id: '1' })).request.prompt, 'x');
  takePicture(it, image({ id: '2', request: { prompt: 'its own' } }));
  takePicture(it, image({ id: '1', notes: ['again'] }));
  assert.deepEqual(it.images.map(({ id, request, notes }) => [id, request.prompt, notes.length]), [['2', 'its own', 0], ['1', 'x', 1]]);
});

test('a job that is told anew is the same object, with what only the page knows', () => {
  const old = job({ order: 7, seen: true, stopping: true, progress: { step: 3 }, error: { message: 'old' } });
  const now = renewed(old, job({ order: undefined, priority: 5 }));
  assert.equal(now, old);
  assert.deepEqual([now.seen, now.stopping, now.progress, now.priority, now.error], [true, true, { step: 3 }, 5, undefined]);
  assert.equal(renewed(old, job({ state: 'running' })).stopping, false, 'the wish was for the state before');
  const fresh = job();
  assert.equal(renewed(undefined, fresh), fresh);
});

test('other people\'s jobs have an empty request', () => {
  assert.deepEqual(known({ id: 'a', request: null }), { id: 'a', request: {} });
  assert.deepEqual(known({ id: 'a', request: { steps: 1 } }).request, { steps: 1 });
});

test('the server\'s order comes before what the page has counted', () => {
  const jobs = new Map(['a', 'b', 'c'].map((id, order) => [id, job({ id, order })]));
  takeOrder(jobs, [{ id: 'c', place: 1, starts_in: 3, takes: 1 }, { id: 'b', place: 2, starts_in: null, takes: null }, { id: 'gone', place: 3, starts_in: 1, takes: 1 }], 50);
  assert.deepEqual([...jobs.values()].sort((a, b) => a.order - b.order).map(({ id, number, startsIn, toldAt }) => [id, number, startsIn, toldAt]),
    [['c', 1, 3, 50], ['b', 2, null, 50], ['a', undefined, undefined, undefined]]);
});

test('what is said aloud', () => {
  const words = (state, before, more) => spoken(job({ state, ...more }), before);
  assert.deepEqual([words('running', 'queued'), words('done', 'running'), words('cancelled', 'running')], ['Generating', 'Picture finished', 'Stopped']);
  assert.deepEqual([words('queued', undefined), words('queued', 'running')], ['', 'Waiting again']);
  assert.equal(words('failed', 'running', { error: { message: 'Out of memory.' } }), 'Failed. Out of memory.');
});
