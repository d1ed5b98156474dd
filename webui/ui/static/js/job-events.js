// @ts-check
// What the server's words make of a job, worked out without the page.

/** @import { GenerationRequest, JobEventBody, StepDone, WaitingJob } from './api-types.d.ts' */
/** @import { PageImage, PageJob } from './page-types.d.ts' */

import { t } from './language.js';
import { advance } from './progress.js';
import { live } from './status.js';

/**
 * A job from an answer. Other people's come without their request.
 * @template {{request?: Partial<GenerationRequest> | null}} Answer
 * @param {Answer} job
 */
export const known = (job) => ({ ...job, request: job.request ?? {} });

/**
 * A job stays the same object, so that a button made for it still means it; what only the page knows of it stays too.
 * @param {PageJob | undefined} old
 * @param {PageJob} job what is known of it now
 * @returns {PageJob}
 */
export function renewed(old, job) {
  if (!old) return job;
  const { order, seen, progress } = old;
  const stopping = old.stopping && old.state === job.state;
  for (const key of Object.keys(old)) delete old[/** @type {keyof PageJob} */ (key)];
  return Object.assign(old, { order, seen, progress, stopping }, job);
}

const ALL_WHOSE_PLACE_IS_KNOWN = 1e6;  // they come before those that the page has only counted

/**
 * Who waits at which place, and when each probably starts.
 * @param {Map<string, PageJob>} jobs
 * @param {readonly WaitingJob[]} waiting
 * @param {number} now in seconds, on the clock of `performance`
 */
export function takeOrder(jobs, waiting, now) {
  for (const { id, place, starts_in: startsIn } of waiting) {
    const job = jobs.get(id);
    if (job) Object.assign(job, { order: place - ALL_WHOSE_PLACE_IS_KNOWN, number: place, startsIn, toldAt: now });
  }
}

/**
 * What one event does to a job; all but its pictures. Steps and previews of one that has ended come too late. Of other people's jobs less is told.
 * @param {PageJob} job
 * @param {{type: JobEventBody['type']} & Record<string, any>} event
 */
export function apply(job, event) {
  switch (event.type) {
    case 'queued': Object.assign(job, { state: 'queued', progress: null, error: null, attempts: event.attempt ?? job.attempts, stopping: false }); break;
    case 'started': Object.assign(job, { state: 'running', plan: event.plan, attempts: event.attempt, progress: { phase: 'loading', step: 0, steps: 0, batch: 0, batches: 1 } }); break;
    case 'step': if (live(job)) { job.state = 'running'; advance(job, /** @type {StepDone} */ (event)); } break;
    case 'preview': if (live(job)) job.progress = { ...job.progress, frame: event.frame, previewWidth: event.width, previewHeight: event.height }; break;
    case 'done': Object.assign(job, { state: 'done', error: null, notes: event.notes ?? [], seconds: event.seconds, finished: event.at }); break;
    case 'failed': Object.assign(job, { state: 'failed', error: event.error, finished: event.at }); break;
    case 'cancelled': Object.assign(job, { state: 'cancelled', stoppedAt: event, finished: event.at }); break;
  }
}

/**
 * A finished picture as the page keeps it, put among its job's.
 * @param {PageJob} job
 * @param {PageImage} record
 * @returns {PageImage}
 */
export function takePicture(job, record) {
  const image = { request: job.request, ...record };
  job.images = [...(job.images ?? []).filter((other) => other.id !== image.id), image];
  return image;
}

/**
 * What is said aloud when a job's state has become this one.
 * @param {PageJob} job
 * @param {PageJob['state'] | undefined} before
 */
export const spoken = (job, before) =>
  ({ running: t('Generating'), done: t('Picture finished'), failed: t('Failed. {reason}', { reason: job.error?.message ?? '' }), cancelled: t('Stopped'), queued: before ? t('Waiting again') : '' })[job.state];
