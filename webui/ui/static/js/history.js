// @ts-check
// Jobs that have ended, newest first: those that the page knows, older ones on request, and those whose prompt has the words searched for.

import { jobs as jobsApi } from './api.js';
import { button, el } from './dom.js';
import { t } from './language.js';
import { draw, live, state } from './state.js';
import { complain } from './toast.js';

const PAGE = 30;
const ENDED = 'done,failed,cancelled';

/** `update(rows, jobs)` shows jobs as rows, as the queue does. */
export function makeHistory(update) {
  /** @type {any} */
  const it = { older: [], found: null, words: '', foundWords: '', complete: false, turn: 0, timer: 0, trouble: '' };
  const search = el('input.search', { type: 'search', placeholder: t('Search history'), 'aria-label': t('Search history'), oninput: () => { clearTimeout(it.timer); it.timer = setTimeout(() => look(it, search.value.trim()), 250); } });
  const rows = el('div.queue', { role: 'list', 'aria-label': t('History') });
  const none = el('p.muted', { hidden: true });
  const more = button('down', t('Show older jobs'), () => fetchPage(it));
  const root = el('section.history', { 'aria-label': t('History'), hidden: true }, el('div.tab-head', {}, el('h3', {}, t('History')), el('span.grow'), search), rows, none, more);
  return {
    root,
    draw() {
      const list = shown(it);
      root.hidden = !list.length && !search.value;
      none.hidden = it.found === null || (list.length > 0 && !it.trouble);
      none.textContent = it.trouble || t('No job has these words in its prompt.');
      more.hidden = it.complete || list.length < 20;
      update(rows, list);
    },
  };
}

/** The page's own knowledge of a job is fresher than what was fetched, and it knows of those that ended since. */
function shown(it) {
  const fetched = [...(it.found ?? it.older)].map((job) => state.jobs.get(job.id) ?? job);
  const known = [...state.jobs.values()].filter((job) => !it.found || (job.request.prompt ?? '').toLowerCase().includes(it.foundWords));
  const all = new Map([...known, ...fetched].filter((job) => !live(job) && job.mine !== false).map((job) => [job.id, job]));
  return [...all.values()].sort((a, b) => String(b.finished ?? b.created).localeCompare(String(a.finished ?? a.created)));
}

/** What is shown stays until the answer is there. */
function look(it, words) {
  Object.assign(it, { words, turn: it.turn + 1 });
  if (words) return fetchPage(it, true);
  Object.assign(it, { found: null, complete: false });
  draw();
}

async function fetchPage(it, fresh = false) {
  const { turn, words } = it;
  const last = fresh ? null : shown(it).map((job) => job.id).sort()[0];  // ids rise with time
  /** @type {import('./api-types.d.ts').JobList} */
  let told = { jobs: [] };
  let trouble = '';
  try {
    told = await jobsApi.find({ state: ENDED, newest: true, limit: PAGE, ...(words && { search: words }), ...(last && { after: last }) });
  } catch (problem) {
    if (!fresh) return complain(problem);
    trouble = t('This search failed. {message}', { message: problem.message });
  }
  if (turn !== it.turn) return;
  if (fresh) Object.assign(it, { found: [], foundWords: words.toLowerCase() });
  it.trouble = trouble;
  it.complete = told.jobs.length < PAGE;
  (it.found ?? it.older).push(...told.jobs.map((job) => ({ ...job, request: job.request ?? {} })));
  draw();
}
