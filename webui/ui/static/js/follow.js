// The one stream of this page: a snapshot first, then what changes. A reload, a second tab or a phone is rebuilt from the snapshot alone.

import { jobs as jobsApi, queue as queueApi } from './api.js';
import { announce } from './dom.js';
import { advance } from './progress.js';
import { draw, live, parts, state, watchedJob } from './state.js';
import { toast } from './toast.js';

const EVENTS = ['queued', 'started', 'step', 'preview', 'image', 'done', 'failed', 'cancelled'];
let stream = null;
let places = 0;  // the order of jobs, until the server tells its own
let asked = 0;
let last = Promise.resolve();

export function connect() {
  stream?.close();
  stream = new EventSource('/api/v1/events');
  const on = (kind, act) => stream.addEventListener(kind, (event) => inOrder(() => act(JSON.parse(event.data))));
  on('snapshot', takeSnapshot);
  on('engine', takeEngines);
  on('job', takeJob);
  for (const kind of EVENTS) on(kind, (event) => takeEvent({ type: kind, ...event }));
  on('message', (event) => (event.type === 'snapshot' ? takeSnapshot(event) : takeEvent(event)));
  stream.onerror = () => { state.online = false; draw(); };
}

/** One after the other: an event about a job that must be fetched first may not be overtaken by the job's end. */
function inOrder(act) {
  last = last.then(act).then(draw, (problem) => console.error(problem));
}

// A hidden page gives its connection back: browsers allow six per host, and a background tab must not starve the one in use.
export const watchVisibility = () =>
  document.addEventListener('visibilitychange', () => { if (document.hidden) stream?.close(); else connect(); });

function takeSnapshot(all) {
  const before = state.jobs;
  state.online = state.joined = true;
  places = 0;
  state.jobs = new Map(all.jobs.map((job) => [job.id, { ...remembered(before.get(job.id)), ...known(job), place: places++ }]));
  state.images = all.images;
  state.total = all.total;
  takeEngines(all);
  takeOrder(all.waiting);
  const mine = all.jobs.filter((job) => job.mine !== false);
  const running = mine.find((job) => job.state === 'running') ?? mine.find((job) => job.state === 'queued');
  if (running && !live(watchedJob())) watch(running.id);
  if (!state.images.some((image) => image.id === state.shown)) state.shown = state.images[0]?.id ?? null;
  parts.gallery?.reload?.();
}

const remembered = (job) => (job ? { place: job.place, seen: job.seen, progress: job.progress } : {});

/** Other people's jobs come without their request. */
const known = (job) => ({ ...job, request: job.request ?? {} });

/** Who waits at which place, and when each probably starts: [{id, place, starts_in}]. */
function takeOrder(waiting = []) {
  for (const { id, place, starts_in: startsIn } of waiting) {
    const job = state.jobs.get(id);
    if (job) Object.assign(job, { place: place - 1e6, number: place, startsIn, toldAt: performance.now() / 1000 });
  }
}

/** Only the server knows the order of all and how long things take; ask once after a burst of changes. */
function askOrder() {
  clearTimeout(asked);
  if (![...state.jobs.values()].some((job) => job.state === 'queued')) return;
  asked = setTimeout(() => queueApi.state().then((told) => { takeOrder(told.waiting); state.limits = told.limits ?? []; draw(); }).catch(() => {}), 200);
}

function takeEngines(all) {
  state.engines = all.engines ?? state.engines;
  state.paused = all.paused ?? state.paused;
}

export function takeJob(job) {
  const old = state.jobs.get(job.id);
  state.jobs.set(job.id, { place: places++, ...remembered(old), ...known(job) });
  settle(state.jobs.get(job.id), old?.state);
  askOrder();
}

async function takeEvent(event) {
  if (!state.jobs.has(event.job_id)) await fetchJob(event.job_id);
  const job = state.jobs.get(event.job_id);
  if (!job) return;
  const before = job.state;
  apply(job, event);
  settle(job, before);
  if (before !== job.state || event.type === 'queued') askOrder();
}

async function fetchJob(id) {
  const job = await jobsApi.get(id).catch(() => null);
  if (job && !state.jobs.has(id)) state.jobs.set(id, { place: places++, ...known(job) });
}

/** What one event does to a job. */
function apply(job, event) {
  switch (event.type) {
    case 'queued': Object.assign(job, { state: 'queued', progress: null, attempts: event.attempt ?? job.attempts, stopping: false }); break;
    case 'started': Object.assign(job, { state: 'running', plan: event.plan, attempts: event.attempt, progress: { phase: 'loading', step: 0, steps: 0, batch: 0, batches: 1 } }); break;
    case 'step': if (live(job)) { job.state = 'running'; advance(job, event); } break;
    case 'preview': if (live(job)) job.progress = { ...job.progress, frame: event.frame, previewWidth: event.width, previewHeight: event.height }; break;
    case 'image': takeImage(job, event.record ?? event); break;
    case 'done': Object.assign(job, { state: 'done', notes: event.notes ?? [], seconds: event.seconds, finished: event.at }); break;
    case 'failed': Object.assign(job, { state: 'failed', error: event.error, finished: event.at }); break;
    case 'cancelled': Object.assign(job, { state: 'cancelled', stoppedAt: event, finished: event.at }); break;
  }
}

function takeImage(job, record) {
  const image = { request: job.request, ...record };
  job.images = [...(job.images ?? []).filter((other) => other.id !== image.id), image];
  if (state.images.some((other) => other.id === image.id)) return;
  state.images.unshift(image);
  state.total += 1;
  if (job.id === state.watched && !state.peek) state.shown = image.id;
  parts.gallery?.added?.(image);
}

/** Watch a job on the stage. */
export function watch(id) {
  state.watched = id;
  state.view = 'result';
  state.peek = false;
}

/** After a change: who is watched now, and what is said aloud. */
function settle(job, before) {
  if (job.state === 'running' && job.mine !== false && job.id !== state.watched && !live(watchedJob())) watch(job.id);
  if (before === job.state) return;
  const words = { running: 'Generating', done: 'Picture finished', failed: `Failed. ${job.error?.message ?? ''}`, cancelled: 'Stopped', queued: before ? 'Waiting again' : '' };
  if (words[job.state]) announce(words[job.state]);
  if (job.state === 'done' && job.id === state.watched) for (const note of job.notes ?? []) toast(note);
  if (!live(job)) parts.run?.ended?.(job);
}
