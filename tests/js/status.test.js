import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';

import { before, engineState, situation, startsIn } from '../../webui/ui/static/js/status.js';
import { engine, image, job } from './values.js';

beforeEach(() => {
  mock.restoreAll();
  mock.method(performance, 'now', () => 100_000);
});

const state = ({ jobs = [], ...more } = {}) => ({ online: true, joined: true, paused: false, engines: [engine()], troubles: [], images: [image()], watched: 'a',
  jobs: new Map(jobs.map((each) => [each.id, each])), ...more });
const at = (more) => { const { name, title, text } = situation(state(more)); return [name, title, text]; };

test('the engine that matters is the best there is', () => {
  const name = (...states) => engineState(state({ engines: states.map((each) => engine({ state: each })) })).state;
  assert.equal(name('off', 'ready', 'starting'), 'ready');
  assert.equal(name('ready', 'working'), 'working');
  assert.equal(name('off', 'restarting'), 'restarting');
  assert.equal(name(), 'starting');
  assert.deepEqual(engineState(state({ engines: [], troubles: ['No database.'] })), { state: 'off', message: 'No database.' });
});

test('nothing is known before the first snapshot, and nothing new without a connection', () => {
  assert.equal(at({ joined: false })[0], 'joining');
  assert.equal(at({ online: false, jobs: [job({ state: 'running' })] })[0], 'offline');
});

test('an engine that starts, starts again or is off says so before anything else', () => {
  assert.equal(at({ engines: [engine({ state: 'restarting' })], jobs: [job()] })[0], 'restarting');
  assert.deepEqual(at({ engines: [engine({ state: 'off', message: 'No memory.' })], jobs: [job()] }), ['queued', 'The engine is off', 'No memory.']);
  assert.equal(at({ engines: [engine({ state: 'off' })], jobs: [job()] })[2], 'See the terminal that Darkroom was started in.');
  assert.deepEqual(at({ engines: [engine({ state: 'starting' })], jobs: [job()] }).slice(0, 2), ['loading', 'Starting the engine']);
});

test('a waiting job says its number and when it starts', () => {
  const others = [job({ id: 'r', state: 'running', order: 9 }), job({ id: 'b', order: 1 }), job({ id: 'c', order: 3 }), job({ id: 'd', state: 'done' })];
  const mine = job({ order: 2, startsIn: 40, toldAt: 90 });
  assert.deepEqual(at({ jobs: [...others, mine] }), ['queued', 'Number 2 in the queue', 'Starts in about 30 s']);
  assert.deepEqual(at({ jobs: [mine] }), ['queued', 'Starting', '']);
  assert.deepEqual(at({ jobs: [mine], paused: true }), ['queued', 'The queue is paused', 'Resume it in Queue.']);
});

test('when a job starts', () => {
  assert.equal(startsIn(job()), '');
  assert.equal(startsIn(job({ startsIn: null })), '');
  assert.equal(startsIn(job({ startsIn: 5, toldAt: 100 })), 'Starts in about 5 s');
  assert.equal(startsIn(job({ startsIn: 5, toldAt: 95 })), 'Starts soon');
});

test('a job runs before another of a later place, and not before itself', () => {
  assert.ok(before(job({ id: 'b', order: 1 }), job({ order: 2 })));
  assert.ok(!before(job({ order: 1 }), job({ order: 2 })));
});

test('a running job loads its model first', () => {
  const loading = job({ state: 'running', progress: { phase: 'loading', detail: '' }, request: { checkpoint: 'tiny' } });
  assert.deepEqual(at({ jobs: [loading] }), ['loading', 'Loading model', 'tiny']);
  loading.progress.detail = 'reading';
  assert.equal(at({ jobs: [loading] })[2], 'reading');
  assert.equal(at({ jobs: [job({ state: 'running', progress: { phase: 'sampling' } })] })[0], 'running');
});

test('how a job ended is said until it was seen', () => {
  const failed = job({ state: 'failed', error: { message: 'Out of memory.', advice: 'Take a smaller size.' } });
  assert.deepEqual(at({ jobs: [failed] }), ['failed', 'Out of memory.', 'Take a smaller size.']);
  assert.deepEqual(at({ jobs: [job({ state: 'failed' })] }).slice(0, 2), ['failed', 'The job failed']);
  assert.equal(at({ jobs: [{ ...failed, seen: true }] })[0], 'idle');
  assert.equal(at({ jobs: [job({ state: 'done' })] })[0], 'idle');
});

test('a stopped job says where, and what is kept', () => {
  const stopped = (more) => at({ jobs: [job({ state: 'cancelled', ...more })] });
  assert.deepEqual(stopped({}), ['stopped', 'Stopped', 'Nothing was saved']);
  assert.deepEqual(stopped({ stoppedAt: { step: 5, steps: 20 }, images: [image()] }), ['stopped', 'Stopped at step 5 of 20', '1 picture finished and saved']);
  assert.equal(stopped({ stoppedAt: { step: 5, steps: 20 }, progress: { batch: 1, batches: 3 } })[1], 'Stopped at step 5 of 20 of picture 2');
  assert.equal(stopped({ progress: { step: 5, steps: 20, batch: 0, batches: 3 }, request: { batch_size: 2 } })[1], 'Stopped at step 5 of 20 of batch 1');
});

test('an empty page says what to do first', () => {
  assert.equal(at({ images: [] })[1], 'Describe a picture, then press Generate');
  assert.equal(at({ images: [], noCheckpoint: true })[1], 'No checkpoint yet');
  assert.equal(at({ watched: null })[0], 'idle');
});
