// @ts-check
/** @import { PageJob } from './page-types.d.ts' */
// A job that has failed or was stopped, made again as it is. One that may have been paid for in vain is asked about first.

import { jobs } from './api.js';
import { meet } from './event-stream.js';
import { draw } from './state.js';
import { complain, orPayAgain } from './toast.js';

const take = (request) => request.then(meet).then(draw);

/** @param {PageJob} job */
export const tryAgain = (job) => take(jobs.retry(job.id)).catch(orPayAgain(() => take(jobs.retry(job.id, true)).catch(complain)));
