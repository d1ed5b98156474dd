// @ts-check
// The queue's order and words, worked out without the page.

/** @import { EngineStatus, QuotaBody } from './api-types.d.ts' */
/** @import { PageJob, State } from './page-types.d.ts' */

import { clock } from './format.js';
import { number as decimal, t, timeOfDay } from './language.js';
import { progressLine } from './progress.js';
import { before, live, startsIn } from './status.js';

/** What an engine is doing, by the server's word for it. @type {Record<string, string>} */
export const ENGINE_WORDS = { starting: t('Engine starting'), loading: t('Loading model'), restarting: t('Engine restarting'), off: t('Engine off'), ready: t('Ready'), working: t('Working') };

/**
 * Jobs that run or wait, in the order in which they do.
 * @param {Iterable<PageJob>} jobs
 */
export const ordered = (jobs) =>
  [...jobs].filter(live).sort((a, b) => Number(a.state === 'queued') - Number(b.state === 'queued') || (before(a, b) ? -1 : 1));

/**
 * What "all mine" stops: the name's own jobs, also at the machine, where everybody's can be touched.
 * @param {PageJob} job
 * @param {string} owner
 */
export const isMine = (job, owner) => job.mine !== false && job.owner === owner;

/**
 * The jobs that pass through the model together with this one, itself among them.
 * @param {PageJob} job
 * @param {readonly EngineStatus[]} engines
 */
export const sharing = (job, engines) => engines.find((engine) => engine.jobs?.includes(job.id))?.jobs ?? [];

/**
 * "Jobs at a time: 3 of 10 left", "Engine minutes today: 12.5 of 60 left, renewed at 00:00".
 * @param {QuotaBody} quota
 */
export function quotaWords({ name, limit, left, renews }) {
  const words = { jobs: t('Jobs at a time'), megapixels: t('Megapixels today'), minutes: t('Engine minutes today'), pictures: t('Pictures today'), uploads: t('MB of uploads today'), storage: t('MB of storage') }[name];
  const number = (/** @type {number} */ value) => (Number.isInteger(value) ? value : decimal(value, 1));
  const again = renews && timeOfDay(renews);
  return t('{words}: {n} of {limit} left{renewed}', { words, n: number(left), limit: number(limit), renewed: again ? t(', renewed at {again}', { again }) : '' });
}

/**
 * How a job looks in the list: while this stays the same its row stays the same element.
 * @param {PageJob} job
 * @param {readonly PageJob[]} waiting jobs that run or wait, in their order
 * @param {State['engines']} engines
 */
export const lookOf = (job, waiting, engines) =>
  [job.state, waiting.indexOf(job), waiting.length, firstWaiting(waiting), job.images?.length, job.stopping, job.priority, sharing(job, engines).length].join();

/** @param {readonly PageJob[]} waiting */
export const firstWaiting = (waiting) => waiting.findIndex((each) => each.state === 'queued');

/**
 * What a row says at its end: how far it is, when it starts, or how long it took.
 * @param {PageJob} job
 * @param {readonly PageJob[]} waiting
 */
export function stateLine(job, waiting) {
  if (job.state === 'running') return runningLine(job);
  if (job.state === 'queued') return waitingLine(job, waiting);
  return job.seconds ? clock(job.seconds) : '';
}

/** @param {PageJob} job */
const runningLine = (job) => [progressLine(job), job.progress?.left !== undefined && t('{clock} left', { clock: clock(job.progress.left) })].filter(Boolean).join(' · ');

/**
 * @param {PageJob} job
 * @param {readonly PageJob[]} waiting
 */
function waitingLine(job, waiting) {
  const running = waiting.filter((each) => each.state === 'running').length;
  return [t('Number {n}', { n: job.number ?? waiting.indexOf(job) + 1 - running }), startsIn(job)].filter(Boolean).join(' · ');
}
