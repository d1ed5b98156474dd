import assert from 'node:assert/strict';
import { before, beforeEach, mock, test } from 'node:test';

import { image, job } from './values.js';

let source, stream, page, asked, answers, spoken;

/** The one connection to the server. */
class Source {
  listeners = {};
  constructor() { source = this; }
  addEventListener(kind, listener) { this.listeners[kind] = listener; }
  close() {}
}

/** As much of a document as what is said aloud needs. */
const announcer = { append({ textContent }) { spoken.push(textContent); }, childElementCount: 0 };
globalThis.document = { body: { dataset: {} }, createElement: () => ({}), querySelector: (selector) => (selector === '.announcer' ? announcer : null), querySelectorAll: () => [] };
globalThis.requestAnimationFrame = (act) => queueMicrotask(act);
globalThis.EventSource = Source;
Object.defineProperty(globalThis, 'BroadcastChannel', { value: undefined, configurable: true });

before(async () => {
  mock.timers.enable({ apis: ['setTimeout'] });
  stream = await import('../../webui/ui/static/js/event-stream.js');
  page = await import('../../webui/ui/static/js/state.js');
});

/** The server sends this, and the page has done what follows from it. */
async function send(kind, data) {
  source.listeners[kind]({ data: JSON.stringify(data) });
  await settled();
}
const settled = async () => { for (let n = 0; n < 20; n += 1) await new Promise((done) => setImmediate(done)); };
const snapshot = (more = {}) => send('snapshot', { jobs: [], images: [], total: 0, waiting: [], engines: [], paused: false, troubles: [], owner: 'ann', named: true, admin: false, shared: true, ...more });
const known = (id) => page.state.jobs.get(id);
const STEP = { job_id: 'a', phase: 'sampling', step: 5, steps: 20, batch: 0, batches: 1 };

beforeEach(async () => {
  [asked, answers, spoken] = [[], new Map(), []];
  mock.restoreAll();
  mock.method(globalThis, 'fetch', (path) => {
    asked.push(path.replace(/^.*\/api\/v1/, ''));
    return answers.get(asked.at(-1)) ?? Promise.resolve(new Response('{"jobs": [], "waiting": [], "limits": []}'));
  });
  for (const name of Object.keys(page.parts)) delete page.parts[name];
  Object.assign(page.state, { watched: null, shown: null, peek: false, images: [], jobs: new Map(), troubles: [] });
  stream.connect();
  await snapshot();
  spoken = [];
});

test('a snapshot is the whole truth', async () => {
  await snapshot({ jobs: [job({ state: 'running' }), job({ id: 'b', request: null, mine: false })], images: [image()], total: 7, paused: true });
  const { state } = page;
  assert.deepEqual([[...state.jobs.keys()], state.total, state.paused, state.owner, state.admin, state.online, state.joined], [['a', 'b'], 7, true, 'ann', false, true, true]);
  assert.deepEqual([known('b').request, state.shown], [{}, 'i']);
  await snapshot({ jobs: [] });
  assert.equal(state.jobs.size, 0);
});

test('a reload finds the running job again, and of others only mine', async () => {
  await snapshot({ jobs: [job({ id: 'theirs', state: 'running', mine: false }), job({ id: 'waits' }), job({ id: 'runs', state: 'running' })] });
  assert.equal(page.state.watched, 'runs');
});

test('what the page knows of a job outlives a snapshot', async () => {
  await snapshot({ jobs: [job({ state: 'running' })] });
  await send('step', STEP);
  const before = known('a');
  before.seen = true;
  await snapshot({ jobs: [job({ state: 'running' })] });
  assert.equal(known('a'), before);
  assert.deepEqual([before.seen, before.progress.step], [true, 5]);
});

test('a job runs, gives a picture and ends, each said aloud once', async () => {
  await snapshot({ jobs: [job(), job({ id: 'theirs', request: null, mine: false })] });
  await send('started', { job_id: 'a', attempt: 1, plan: null });
  await send('step', STEP);
  await send('step', { ...STEP, step: 6 });
  await send('started', { job_id: 'theirs', attempt: 1, plan: null });
  await send('image', { job_id: 'a', record: image({ id: 'new' }) });
  await send('image', { job_id: 'a', record: image({ id: 'new' }) });
  await send('done', { job_id: 'a', notes: [], seconds: 3 });
  assert.deepEqual([known('a').state, known('a').images.map(({ id }) => id), page.state.images.length, page.state.shown], ['done', ['new'], 1, 'new']);
  assert.deepEqual(spoken, ['Generating', 'Picture finished']);  // of others' jobs nothing
});

test('a picture that was chosen stays on the stage while others come', async () => {
  await snapshot({ jobs: [job({ state: 'running' })], images: [image({ id: 'old' })], total: 1 });
  Object.assign(page.state, { peek: true, shown: 'old' });
  await send('image', { job_id: 'a', record: image({ id: 'new' }) });
  assert.deepEqual([page.state.shown, page.state.total], ['old', 2]);
});

test('a job that is not known is fetched, and its end waits for the answer', async () => {
  let arrive;
  answers.set('/jobs/a', new Promise((done) => { arrive = () => done(new Response(JSON.stringify(job({ state: 'running' })))); }));
  await send('step', STEP);
  await send('done', { job_id: 'a', notes: [] });
  assert.equal(known('a'), undefined);
  arrive();
  await settled();
  assert.deepEqual([known('a').state, known('a').progress.step], ['done', 5]);
  assert.equal(asked.filter((path) => path === '/jobs/a').length, 1);
});

test('what was begun before a snapshot no longer counts, nor does the snapshot wait for it', async () => {
  let arrive;
  answers.set('/jobs/a', new Promise((done) => { arrive = () => done(new Response(JSON.stringify(job({ state: 'running' })))); }));
  await send('step', STEP);
  await send('done', { job_id: 'a', notes: [] });
  await snapshot({ jobs: [job()] });
  assert.equal(known('a').state, 'queued');
  arrive();
  await settled();
  assert.deepEqual([known('a').state, known('a').progress], ['queued', undefined]);
});

test('an event that cannot be understood stops none that follow', async () => {
  await snapshot({ jobs: [job()] });
  const complained = mock.method(console, 'error', () => {});
  source.listeners.step({ data: '{broken' });
  await send('started', { job_id: 'a', attempt: 1, plan: null });
  assert.deepEqual([known('a').state, complained.mock.callCount()], ['running', 1]);
});

test('the next of my jobs that starts is watched, others\' are not', async () => {
  await snapshot({ jobs: [job({ id: 'theirs', mine: false, request: null }), job({ id: 'mine' })] });
  page.state.watched = null;
  await send('started', { job_id: 'theirs', attempt: 1, plan: null });
  assert.equal(page.state.watched, null);
  await send('started', { job_id: 'mine', attempt: 1, plan: null });
  assert.equal(page.state.watched, 'mine');
});

test('Generate forever hears of the end, also of one that came while nobody listened', async () => {
  const ended = [];
  page.parts.run = { made() {}, ended: ({ id, state }) => ended.push(`${id} ${state}`) };
  await snapshot({ jobs: [job({ state: 'running' })] });
  await send('failed', { job_id: 'a', error: { kind: '', message: 'Out of memory.', advice: '', field: null } });
  assert.deepEqual(ended, ['a failed']);
  await snapshot({ jobs: [job({ id: 'b', state: 'running' })] });
  page.state.watched = 'b';
  await snapshot({ jobs: [] });
  assert.deepEqual(ended, ['a failed', 'b done']);
});

test('a job of an answer is taken only if the stream has not told of it', async () => {
  await snapshot({ jobs: [job({ state: 'running' })] });
  stream.meet(job());
  stream.meet(job({ id: 'new' }));
  assert.deepEqual([known('a').state, known('new').state], ['running', 'queued']);
});

test('the order of the queue and what is left of limits', async () => {
  await snapshot({ jobs: [job(), job({ id: 'b' })] });
  answers.set('/queue', Promise.resolve(new Response(JSON.stringify({ waiting: [{ id: 'b', place: 1, starts_in: 4, takes: 2 }, { id: 'a', place: 2, starts_in: 6, takes: 2 }], limits: [{ name: 'jobs' }] }))));
  await stream.askQueue();
  assert.deepEqual([known('b').number, known('a').number, known('a').startsIn, page.state.limits.length], [1, 2, 6, 1]);
  assert.ok(known('b').order < known('a').order);
});

test('a lost connection is known at once', () => {
  source.onerror();
  assert.equal(page.state.online, false);
});
