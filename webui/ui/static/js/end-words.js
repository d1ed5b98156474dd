// @ts-check
// What the tab's title and a notification say of one's jobs; worked out without the page.

/** @import { PageJob } from './page-types.d.ts' */

import { count } from './format.js';
import { t } from './language.js';
import { live } from './status.js';

const NAME = 'Darkroom';
const MUCH = 80;  // letters of a prompt

/** How something ended that nobody has looked at since. @typedef {'' | 'done' | 'failed'} Unseen */

/**
 * "(14/24) Darkroom", "(✓) Darkroom", "(!) Darkroom"; "∞" stays while it generates forever.
 * @param {PageJob | null | undefined} job the one that is watched
 * @param {Unseen} unseen
 * @param {boolean} [forever]
 */
export function titleOf(job, unseen, forever = false) {
  const { step = 0, steps = 0 } = job?.progress ?? {};
  const now = live(job) && job.state === 'running' && steps > 1 ? `(${step}/${steps})` : live(job) ? '(…)' : unseen === 'failed' ? '(!)' : unseen === 'done' ? '(✓)' : '';
  return [forever && '∞', now, NAME].filter(Boolean).join(' ');
}

const RING = 2 * Math.PI * 10, PARTS = 20;   // the icon is drawn anew for each twentieth, not for each step

/**
 * The tab's icon while a job runs: its ring fills. Nothing where none does; the page's own icon stands there then.
 * @param {PageJob | null | undefined} job the one that is watched
 */
export function ringOf(job) {
  const { step = 0, steps = 0 } = job?.progress ?? {};
  if (!live(job) || job.state !== 'running' || steps < 2) return '';
  const done = (RING * Math.round((PARTS * Math.min(step, steps)) / steps)) / PARTS;
  const ring = (/** @type {string} */ more) => `<circle cx="16" cy="16" r="10" fill="none" stroke-width="4" ${more}/>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#181818"/>${ring('stroke="#4a4a4a"')}${ring(`stroke="#f5a94b" stroke-dasharray="${done.toFixed(1)} 99" transform="rotate(-90 16 16)"`)}</svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/**
 * What a notification says when the last of some jobs has ended: "12 pictures", and the prompt.
 * @param {ReadonlyArray<Pick<PageJob, 'state' | 'images' | 'request' | 'error'>>} jobs that ended since the last time, the newest last
 */
export function endWords(jobs) {
  const made = jobs.reduce((sum, job) => sum + (job.images?.length ?? 0), 0);
  const failed = jobs.filter((job) => job.state === 'failed');
  const title = [made > 0 && count(made, 'picture'), failed.length > 0 && t('{failed} failed', { failed: failed.length })].filter(Boolean).join(', ');
  const said = failed.at(-1)?.error?.message ?? jobs.at(-1)?.request.prompt ?? '';
  return { title: title || t('Done'), body: said.length > MUCH ? `${said.slice(0, MUCH - 1)}…` : said };
}
