// @ts-check
// What the tab's title and a notification say of one's jobs; worked out without the page.

/** @import { PageJob } from './page-types.d.ts' */

import { count } from './format.js';
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

/**
 * What a notification says when the last of some jobs has ended: "12 pictures", and the prompt.
 * @param {ReadonlyArray<Pick<PageJob, 'state' | 'images' | 'request' | 'error'>>} jobs that ended since the last time, the newest last
 */
export function endWords(jobs) {
  const made = jobs.reduce((sum, job) => sum + (job.images?.length ?? 0), 0);
  const failed = jobs.filter((job) => job.state === 'failed');
  const title = [made > 0 && count(made, 'picture'), failed.length > 0 && `${failed.length} failed`].filter(Boolean).join(', ');
  const said = failed.at(-1)?.error?.message ?? jobs.at(-1)?.request.prompt ?? '';
  return { title: title || 'Done', body: said.length > MUCH ? `${said.slice(0, MUCH - 1)}…` : said };
}
