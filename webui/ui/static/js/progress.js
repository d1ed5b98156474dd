// @ts-check
/** @import { PageJob } from './page-types.d.ts' */
/** @import { StepDone } from './api-types.d.ts' */

import { t } from './language.js';

// How far a job is: fraction, speed and time left, from its step events.

const WINDOW = 12;

/**
 * Fold a step event into `job.progress`.
 * @param {PageJob} job
 * @param {StepDone} event
 */
export function advance(job, event) {
  const old = job.progress ?? {};
  const now = performance.now() / 1000;
  const same = old.phase === event.phase && old.batch === event.batch;
  const seen = [...(same ? old.seen ?? [] : []), { at: now, step: event.step }].slice(-WINDOW);
  const speeds = { ...old.speeds, [event.phase]: rateOf(seen) ?? old.speeds?.[event.phase] };  // a batch's next picture goes on at the last one's pace
  const speed = speeds[event.phase];
  const done = fraction(job, event);
  const origin = old.origin && done >= old.origin.done ? old.origin : { at: now, done };
  const rate = (done - origin.done) / Math.max(now - origin.at, 1e-3);
  const left = rate > 0 && done > origin.done ? (1 - done) / rate : undefined;
  job.progress = { ...old, ...event, seen, speed, speeds, left, done, origin: event.phase === 'loading' ? null : origin };
}

/**
 * Steps a second over the last few; unknown while too little was seen (events may arrive in bursts).
 * @param {Array<{at: number, step: number}>} seen
 */
function rateOf(seen) {
  const first = seen[0], last = seen[seen.length - 1];
  return last.at - first.at > 0.3 && last.step > first.step ? (last.step - first.step) / (last.at - first.at) : undefined;
}

/**
 * The part of the whole job that is done, 0 to 1. A second pass weighs by its pixels and steps.
 * @param {PageJob} job
 * @param {StepDone} event
 */
export function fraction(job, event) {
  const { request } = job;
  const part = event.steps ? event.step / event.steps : 0;
  if (request.mode === 'extras') return Math.min(1, (event.batch + part) / Math.max(event.batches, 1));
  const second = request.hires ? (request.hires.scale || 2) ** 2 * ((request.hires.steps || request.steps || 0) / (request.steps || 1)) : 0;
  const inside = { loading: 0, encoding: 0, sampling: part, hires: 1 + part * second, upscaling: 1, finishing: 1 + second, decoding: second && event.phase === 'decoding' ? 1 + second : 1 };
  const batches = Math.max(event.batches || request.batch_count || 1, 1);
  return Math.min(1, (event.batch + Math.min(1, (inside[event.phase] ?? part) / (1 + second))) / batches);
}

/** @type {Record<string, string>} */
const PHASES = { loading: t('Loading model'), encoding: t('Reading the prompt'), hires: t('Hires. fix'), decoding: t('Developing'), upscaling: t('Upscaling'), finishing: t('Finishing') };

/**
 * "Picture 2 of 4 · Hires. fix · Step 12 of 20".
 * @param {PageJob} job
 */
export function progressLine(job) {
  const { phase, step = 0, steps = 0, batch = 0, batches = 1 } = job.progress ?? {};
  if (!phase) return t('Starting');
  const size = job.request.batch_size ?? 1;
  const which = batches > 1 ? (size > 1 ? t('Batch {batch} of {batches}', { batch: batch + 1, batches }) : t('Picture {batch} of {batches}', { batch: batch + 1, batches })) : '';
  const where = steps > 1 || phase === 'sampling' ? t('Step {step} of {steps}', { step, steps }) : '';
  return [which, PHASES[phase], where].filter(Boolean).join(' · ') || t('Starting');
}
