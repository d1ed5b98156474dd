// @ts-check
/** @import { PageImage, PageJob } from './page-types.d.ts' */
/** @import { Engines, JobBody, JobEventBody, Snapshot } from './api-types.d.ts' */
// What the event stream tells: a snapshot first, then what changes. A reload, a second tab or a phone is rebuilt from the snapshot alone.

import { EVENTS, jobs as jobsApi, people, queue as queueApi } from './api.js';
import { $, announce, fetchPicturesAgain } from './dom.js';
import { parseExact } from './exact.js';
import { apply, known, renewed, spoken, takeOrder, takePicture } from './job-events.js';
import { draw, live, parts, state, watchedJob } from './state.js';
import { makeStream } from './stream.js';
import { toast } from './toast.js';

let places = 0;  // the order of jobs, until the server tells its own
let timer = 0;
let asked = 0;   // how often the queue's order was asked for: only the newest answer counts
let turn = 0;    // which snapshot: what was begun before it no longer counts
let last = Promise.resolve();
let stream = null;

export function connect() {
  stream ??= makeStream(EVENTS, { take: hear, lost });
  stream.open();
}

function lost() {
  state.online = false;
  draw();
  people.me().catch((problem) => { if (problem.status === 401) location.reload(); });  // a page that slept while its key was taken back
}

function hear(kind, data) {
  if (kind === 'alive') return;
  if (kind === 'ended') return location.reload();  // the key was taken back, or its role is another: the server says which
  if (kind === 'snapshot') {
    turn += 1;
    last = Promise.resolve();  // nothing older holds it up
  }
  const take = { snapshot: takeSnapshot, engine: takeEngines, job: takeJob, models: (told) => takeModels(told.version), hashing: (told) => parts.models?.hashing?.(told), download: takeDownload, capabilities: () => {} }[kind] ?? ((event) => takeEvent({ type: kind, ...event }));
  inOrder(() => take(parseExact(data)));
}

/** One after the other: an event about a job that must be fetched first may not be overtaken by the job's end. */
function inOrder(act) {
  const mine = turn;
  last = last.then(() => mine === turn && act()).then(draw, (problem) => console.error(problem));
}

// A hidden page gives its connection back: a background tab must not starve the one in use, nor be the one that all others wait for.
// One that generates forever keeps it, else it would not hear that it is time for the next; so does one that is to tell when its jobs are done. A page that is left may come back from the browser's cache.
export function watchVisibility() {
  document.addEventListener('visibilitychange', () => { if (!document.hidden) connect(); else if (!state.forever && !parts.ends?.wanted()) rest(); });
  addEventListener('pagehide', () => stream?.close());
  addEventListener('pageshow', (event) => { if (event.persisted && !document.hidden) connect(); });
}

/** Hear nothing until the page is looked at again. */
export const rest = () => stream?.close();

/** @param {Snapshot} all */
function takeSnapshot(all) {
  const { jobs: before, online: wasOnline } = state;
  const wasLive = live(watchedJob());
  state.online = state.joined = true;
  places = 0;
  state.jobs = new Map(all.jobs.map((job) => [job.id, renewed(before.get(job.id), { ...known(job), order: places++ })]));
  state.images = all.images;
  state.total = all.total;
  for (const key of ['owner', 'named', 'admin', 'shared', 'role', 'invited', 'may']) state[key] = all[key] ?? state[key];
  takeEngines(all);
  asked += 1;
  takeOrder(state.jobs, all.waiting ?? [], performance.now() / 1000);
  if (wasLive && !live(watchedJob())) parts.run?.ended?.(watchedJob() ?? { id: state.watched, state: 'done' });
  const mine = all.jobs.filter((job) => job.mine !== false);
  const running = mine.find((job) => job.state === 'running') ?? mine.find((job) => job.state === 'queued');
  if (running && !live(watchedJob())) watch(running.id);
  if (!state.images.some((image) => image.id === state.shown)) state.shown = state.images[0]?.id ?? null;
  parts.gallery?.refresh?.();
  if (!wasOnline) comeBack();
  if (listed && listed !== all.models) takeModels(all.models);  // they changed while the server was away, or this page was hidden
  listed = all.models;
}

/** What could not be had while the server was away. */
function comeBack() {
  fetchPicturesAgain();
  for (const part of Object.values(parts)) part.back?.();
  parts[state.tab]?.opened?.();
}

/** Only the server knows the order of all and how long things take; ask once after a burst of changes. */
function askOrder() {
  clearTimeout(timer);
  if ([...state.jobs.values()].some((job) => job.state === 'queued')) timer = setTimeout(askQueue, 200);
}

/** Who waits, and what this owner's limits still allow. */
export async function askQueue() {
  const mine = ++asked;
  const told = await queueApi.state().catch(() => null);  // the stream says when the server is away
  if (!told || mine !== asked) return;
  takeOrder(state.jobs, told.waiting ?? [], performance.now() / 1000);
  state.limits = told.limits ?? [];
  draw();
}

/** @param {Engines} all */
function takeEngines(all) {
  state.engines = all.engines ?? state.engines;
  state.paused = all.paused ?? state.paused;
  for (const trouble of all.troubles ?? []) if (!state.troubles.includes(trouble)) toast(trouble, { kind: 'error' });
  state.troubles = all.troubles ?? state.troubles;
}

let looking = 0;
let listed = '';  // the word for the model files that the lists show

/** Model files have come or gone: the form's lists are fetched again, once after a burst. */
function takeModels(version = listed) {
  listed = version;
  clearTimeout(looking);
  looking = setTimeout(() => { $('#refresh')?.click(); parts.models?.opened?.(); }, 300);
}

/** @param {any} told */
function takeDownload(told) {
  for (const part of Object.values(parts)) part.download?.(told);
}

/** @param {Omit<JobBody, 'mine' | 'progress'>} job */
function takeJob(job) {
  const old = state.jobs.get(job.id);
  const before = old?.state;
  const now = renewed(old, { ...known(job), order: old?.order ?? places++ });
  state.jobs.set(job.id, now);
  settle(now, before);
  askOrder();
}

/**
 * A job from an answer: the stream may have told more of it already.
 * @param {JobBody} job
 */
export function meet(job) {
  if (!state.jobs.has(job.id)) takeJob(job);
}

/** @param {JobEventBody} event */
async function takeEvent(event) {
  const mine = turn;
  if (!state.jobs.has(event.job_id)) await fetchJob(event.job_id);
  if (mine !== turn) return;
  const job = state.jobs.get(event.job_id);
  if (!job) return;
  const before = job.state;
  if (event.type === 'image') takeImage(job, event.record ?? event);
  else apply(job, event);
  settle(job, before);
  if (before !== job.state || event.type === 'queued') askOrder();
}

async function fetchJob(id) {
  const mine = turn;
  const job = await jobsApi.get(id).catch(() => null);
  if (job && mine === turn && !state.jobs.has(id)) state.jobs.set(id, { order: places++, ...known(job) });
}

/**
 * @param {PageJob} job
 * @param {PageImage} record
 */
function takeImage(job, record) {
  const image = takePicture(job, record);
  if (state.images.some((other) => other.id === image.id)) return;
  state.images.unshift(image);
  state.total += 1;
  if (job.id === state.watched && !state.peek) state.shown = image.id;
  if (job.id === state.watched) parts.run?.made();
  parts.gallery?.added?.(image);
}

/** Watch a job on the stage. */
export function watch(id) {
  state.watched = id;
  if (state.view !== 'vary') state.view = 'result';  // a grid stays while its cells are made
  state.peek = false;
}

/**
 * After a change: who is watched now, and what is said aloud.
 * @param {PageJob} job
 * @param {PageJob['state'] | undefined} before
 */
function settle(job, before) {
  if (job.state === 'running' && job.mine !== false && job.id !== state.watched && !live(watchedJob())) watch(job.id);
  parts.ends?.heard(job, before);
  if (before === job.state) return;
  const words = spoken(job, before);
  if (words && job.mine !== false) announce(words);
  if (job.state === 'done' && job.id === state.watched) for (const note of job.notes ?? []) toast(note);
  if (!live(job)) parts.run?.ended?.(job);
}
