// @ts-check
/** @import { EngineStatus } from './api-types.d.ts' */
/** @import { PageJob, Situation, State } from './page-types.d.ts' */
// What the stage has to say now: one name, one sentence, one remedy. Every state of the page is decided here and nowhere else.

import { clock, count } from './format.js';
import { t } from './language.js';

/**
 * Whether a job runs or waits.
 * @param {PageJob | null | undefined} job
 * @returns {job is PageJob & {state: 'running' | 'queued'}}
 */
export const live = (job) => job?.state === 'running' || job?.state === 'queued';

const RESTARTING = { name: /** @type {const} */ ('restarting'), title: t('The engine stopped and is starting again'), text: t('The job runs again by itself. Finished pictures are kept.') };

/**
 * The engine that matters to the page: the best of those there are. Where there is none, it is still to come, or what went wrong at the start keeps it away.
 * @param {Pick<State, 'engines' | 'troubles'>} state
 */
export function engineState({ engines, troubles }) {
  const order = ['working', 'ready', 'loading', 'restarting', 'starting', 'off'];
  const best = order.find((name) => engines.some((engine) => engine.state === name));
  return engines.find((engine) => engine.state === best) ?? (troubles.length ? { state: 'off', message: troubles[0] } : { state: 'starting', message: '' });
}

/**
 * @param {State} state
 * @returns {Situation}
 */
export function situation(state) {
  const job = state.jobs.get(state.watched ?? '');
  const engine = engineState(state);
  if (!state.online) return { name: 'offline', job, title: t('Connection lost'), text: t('Trying again. Your jobs go on and your settings are kept.') };
  if (!state.joined) return { name: 'joining' };
  if (engine.state === 'restarting') return { ...RESTARTING, job };
  if (live(job) && engine.state === 'off') return { name: 'queued', job, title: t('The engine is off'), text: engine.message || t('See the terminal that Darkroom was started in.') };
  if (live(job) && job.state === 'queued') return waiting(state, job, engine);
  if (live(job) && job.progress?.phase === 'loading') return { name: 'loading', job, title: t('Loading model'), text: job.progress.detail || job.request.checkpoint || '' };
  if (live(job)) return { name: 'running', job };
  if (job?.state === 'failed' && !job.seen) return { name: 'failed', job, title: job.error?.message || t('The job failed'), text: job.error?.advice ?? '' };
  if (job?.state === 'cancelled' && !job.seen) return stopped(job);
  if (!state.images.length) return first(state);
  return { name: 'idle', job };
}

/**
 * @param {State} state
 * @param {PageJob} job
 * @param {Pick<EngineStatus, 'state'>} engine
 * @returns {Situation}
 */
function waiting(state, job, engine) {
  if (state.paused) return { name: 'queued', job, title: t('The queue is paused'), text: t('Resume it in Queue.') };
  if (engine.state === 'starting') return { name: 'loading', job, title: t('Starting the engine'), text: t('It runs as soon as the engine is up.') };
  const ahead = [...state.jobs.values()].filter((other) => other.state === 'running' || (other.state === 'queued' && before(other, job)));
  return { name: 'queued', job, title: ahead.length ? t('Number {n} in the queue', { n: ahead.length }) : t('Starting'), text: ahead.length ? startsIn(job) : '' };
}

/**
 * "Starts in about 40 s", as the server estimates it; nothing while nobody can know.
 * @param {PageJob} job
 */
export function startsIn(job) {
  if (job.startsIn == null) return '';
  const left = job.startsIn - (performance.now() / 1000 - (job.toldAt ?? 0));
  return left > 1 ? t('Starts in about {clock}', { clock: clock(left) }) : t('Starts soon');
}

/**
 * Whether `a` runs before `b`: the server's order.
 * @param {PageJob} a
 * @param {PageJob} b
 */
export const before = (a, b) => a.id !== b.id && a.order < b.order;

/**
 * @param {PageJob} job
 * @returns {Situation}
 */
function stopped(job) {
  const { step = 0, steps = 0 } = job.stoppedAt ?? job.progress ?? {};
  const { batch = 0, batches = 1 } = job.progress ?? {};
  const made = job.images?.length ?? 0;
  const which = batches > 1 ? ((job.request.batch_size ?? 1) > 1 ? t(' of batch {n}', { n: batch + 1 }) : t(' of picture {n}', { n: batch + 1 })) : '';
  return { name: 'stopped', job, title: step ? t('Stopped at step {step} of {steps}{which}', { step, steps, which }) : t('Stopped'), text: made ? t('{pictures} finished and saved', { pictures: count(made, 'picture') }) : t('Nothing was saved') };
}

/**
 * @param {State} state
 * @returns {Situation}
 */
function first(state) {
  if (state.noCheckpoint) return { name: 'first', title: t('No checkpoint yet'), text: t('Put one into models/Stable-diffusion, then press the refresh button beside the list.') };
  return { name: 'first', title: t('Describe a picture, then press Generate'), text: t('It forms here, and every picture is kept in the gallery.') };
}
