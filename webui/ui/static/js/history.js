// Jobs that have ended, newest first: those that the page knows, older ones on request, and those whose prompt has the words searched for.

import { jobs as jobsApi } from './api.js';
import { button, el } from './dom.js';
import { draw, live, state } from './state.js';
import { complain } from './toast.js';

const PAGE = 30;
const ENDED = 'done,failed,cancelled';

/** `update(rows, jobs)` shows jobs as rows, as the queue does. */
export function makeHistory(update) {
  const it = { older: [], found: null, complete: false, turn: 0, timer: 0 };
  const search = el('input.search', { type: 'search', placeholder: 'Search history', 'aria-label': 'Search history', oninput: () => { clearTimeout(it.timer); it.timer = setTimeout(() => look(it, search.value.trim()), 250); } });
  const rows = el('div.queue', { role: 'list', 'aria-label': 'History' });
  const none = el('p.muted', { hidden: true }, 'No job has these words in its prompt.');
  const more = button('down', 'Show older jobs', () => fetchPage(it, search.value.trim()));
  const root = el('section.history', { 'aria-label': 'History', hidden: true }, el('div.tab-head', {}, el('h3', {}, 'History'), el('span.grow'), search), rows, none, more);
  return {
    root,
    draw() {
      const list = shown(it);
      root.hidden = !list.length && !search.value;
      none.hidden = list.length > 0 || it.found === null;
      more.hidden = it.complete || list.length < 20;
      update(rows, list);
    },
  };
}

/** The page's own knowledge of a job is fresher than what was fetched. */
function shown(it) {
  const fetched = [...(it.found ?? it.older)].map((job) => state.jobs.get(job.id) ?? job);
  const known = it.found ? [] : [...state.jobs.values()];
  const all = new Map([...known, ...fetched].filter((job) => !live(job) && job.mine !== false).map((job) => [job.id, job]));
  return [...all.values()].sort((a, b) => String(b.finished ?? b.created).localeCompare(String(a.finished ?? a.created)));
}

function look(it, words) {
  Object.assign(it, { found: words ? [] : null, complete: false, turn: it.turn + 1 });
  if (words) fetchPage(it, words);
  else draw();
}

async function fetchPage(it, words) {
  const turn = it.turn;
  const last = shown(it).map((job) => job.id).sort()[0];  // ids rise with time
  try {
    const told = await jobsApi.find({ state: ENDED, newest: true, limit: PAGE, ...(words && { search: words }), ...(last && { after: last }) });
    if (turn !== it.turn) return;
    it.complete = told.jobs.length < PAGE;
    (it.found ?? it.older).push(...told.jobs.map((job) => ({ ...job, request: job.request ?? {} })));
  } catch (problem) {
    complain(problem);
  }
  draw();
}
