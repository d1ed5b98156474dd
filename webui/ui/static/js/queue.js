// @ts-check
/** @import { PageJob } from './page-types.d.ts' */
// Running first, then waiting in their order with place and start time; below, what has ended.

import { images, jobs as jobsApi, queue as queueApi } from './api.js';
import { button, el, heading, iconButton, notice } from './dom.js';
import { useRequest } from './form.js';
import { askQueue, meet, watch } from './event-stream.js';
import { makeHistory } from './history.js';
import { makePlots } from './plots.js';
import { firstWaiting, isMine, lookOf, ordered, quotaWords, sharing, stateLine } from './queue-words.js';
import { component, draw, live, state } from './state.js';
import { complain, orPayAgain, toast } from './toast.js';
import { go } from './tabs.js';
import { READ_ONLY, shownOwner, whoSees } from './who.js';
import { useSteps } from './extras-tray.js';
import { count, JOB_WORDS, placeOf, promptOf, size } from './format.js';

component('queue', (root) => {
  const rows = el('div.queue', { role: 'list', 'aria-label': 'Jobs' });
  const empty = notice('Nothing is waiting', 'Press Generate as often as you like: jobs wait here and run in turn.');
  const pause = button('pause', 'Pause', makePause());
  const free = button('free', 'Free memory', () => act(queueApi.free(), 'The model leaves memory; the queue is paused, and a running job waits'), { title: 'Pause, and take the model out of memory now' });
  const stopAll = button('close', 'Stop all mine', () => jobsApi.stopAll().then(({ stopped }) => toast(`${count(stopped, 'job')} stopped`)).catch(complain), { hidden: true });
  const plots = makePlots();
  const limits = el('p.limits.muted', { hidden: true });
  const sees = el('p.who.muted', { hidden: true });
  const history = makeHistory(update);
  root.append(heading('Queue', el('span.grow'), stopAll, pause, free), plots.root, sees, limits, rows, empty, history.root);
  return {
    opened() { plots.start(); askQueue(); },
    draw() {
      if (state.tab !== 'queue') return plots.stop();
      plots.start();
      pause.lastChild.textContent = state.paused ? 'Resume' : 'Pause';
      pause.firstChild.className = `glyph icon-${state.paused ? 'play' : 'pause'}`;
      for (const each of [pause, free]) each.disabled = !state.admin;
      pause.title = state.admin ? '' : READ_ONLY;
      sees.textContent = whoSees();
      sees.hidden = !sees.textContent;
      limits.textContent = state.limits.map(quotaWords).join(' · ');
      limits.hidden = !limits.textContent;
      const list = ordered(state.jobs.values());
      empty.hidden = list.length > 0;
      update(rows, list);
      stopAll.hidden = list.filter((job) => isMine(job, state.owner)).length < 2;
      history.draw();
    },
  };
});

/** The stream may say that the queue is paused before the answer does: a click then means Resume, and is not the same asked twice. */
function makePause() {
  let asked = null;
  return () => {
    const wish = !state.paused;
    if (wish === asked) return;
    asked = wish;
    act(wish ? queueApi.pause() : queueApi.resume(), wish ? 'Paused: the running job finishes' : 'The queue goes on').finally(() => { if (asked === wish) asked = null; });
  };
}

async function act(request, done) {
  try {
    await request;
    toast(done);
  } catch (problem) {
    complain(problem);
  }
}

/**
 * Rows keep their elements while their job's look is the same, so that focus and clicks survive each step.
 * @param {any} rows
 * @param {PageJob[]} list
 */
function update(rows, list) {
  const old = new Map([...rows.children].map((row) => [row.dataset.id, row]));
  /** @type {PageJob[]} */
  const waiting = list.filter(live);
  const nodes = list.map((job) => {
    const place = waiting.indexOf(job);
    const key = lookOf(job, waiting, state.engines);
    const row = old.get(job.id)?.dataset.key === key ? old.get(job.id) : make(job, key, place, waiting);
    refresh(row, job, waiting);
    return row;
  });
  if (nodes.length !== rows.children.length || nodes.some((node, n) => rows.children[n] !== node)) rows.replaceChildren(...nodes);
}

/**
 * @param {PageJob} job
 * @param {string} key
 * @param {number} place
 * @param {PageJob[]} waiting
 */
function make(job, key, place, waiting) {
  const { request } = job;
  const about = [request.mode, request.mode === 'extras' ? count(request.inputs?.length ?? 0, 'picture') : request.width && size(request.width, request.height), request.mode !== 'extras' && request.steps && `${request.steps} steps`, placeOf(request), job.cost && `$${job.cost.toFixed(2)}`, shownOwner(job.owner)].filter(Boolean).join(' · ');
  const picture = job.images?.at(-1);
  return el('div.job', { role: 'listitem', 'data-id': job.id, 'data-key': key, 'data-state': job.state },
    picture ? el('img', { src: images.thumb(picture.id), alt: '' }) : el('img.blank', { alt: '' }),
    el('div.job-text', {}, el('b', {}, job.mine === false ? "Somebody else's job" : promptOf(job)), el('span.muted', {}, about), job.error && el('span.danger', { title: job.error.advice }, job.error.message)),
    el('span.state', {}, el('b', {}, JOB_WORDS[job.state], batchMark(job)), el('span.muted')),
    el('div.job-acts', {}, actions(job, place, waiting)),
    job.state === 'running' && el('i.job-bar'));
}

/**
 * Which jobs share the batch: the same mark on each of them.
 * @param {PageJob} job
 */
function batchMark(job) {
  const together = job.state === 'running' ? sharing(job, state.engines) : [];
  return together.length > 1 && el('span.batch-mark', { title: 'These jobs pass through the model together, step by step.' }, `in a batch of ${together.length}`);
}

/**
 * @param {PageJob} job
 * @param {number} place
 * @param {PageJob[]} waiting
 */
function actions(job, place, waiting) {
  if (job.mine === false) return [];
  const call = (request) => request.then(meet).then(draw).catch(complain);
  const move = (to) => call(jobsApi.move(job.id, to));
  const stop = () => {
    job.stopping = true;
    draw();
    return jobsApi.cancel(job.id).catch((problem) => { job.stopping = false; complain(problem); draw(); });
  };
  if (job.state === 'running') return [button('eye', 'Watch', () => { watch(job.id); go(state.mode); draw(); }), button('close', job.stopping ? 'Stopping' : 'Stop', stop, { disabled: Boolean(job.stopping) })];
  if (job.state === 'queued') {
    const first = firstWaiting(waiting);
    return [iconButton('top', 'Move to the front', () => move('top'), { disabled: place === first }), iconButton('up', 'Move up', () => move('up'), { disabled: place === first }),
      iconButton('down', 'Move down', () => move('down'), { disabled: place === waiting.length - 1 }), button('close', 'Remove', stop, { disabled: Boolean(job.stopping) })];
  }
  const retry = job.state !== 'done' && iconButton('play', 'Try again', () => jobsApi.retry(job.id).then(meet).then(draw).catch(orPayAgain(() => call(jobsApi.retry(job.id, true)))));
  const reuse = job.request.mode === 'extras' ? iconButton('reuse', 'Reuse steps', () => useSteps(job.request.finish ?? []))
    : iconButton('reuse', 'Reuse parameters', () => useRequest(job.request, { keepBatch: false }));
  return [reuse, retry, iconButton('dice', 'Run again with a new seed', () => call(jobsApi.again(job.id)))];
}

/**
 * What changes with every step.
 * @param {any} row
 * @param {PageJob} job
 * @param {PageJob[]} waiting
 */
function refresh(row, job, waiting) {
  const line = row.querySelector('.state .muted');
  const text = stateLine(job, waiting);
  if (line.textContent !== text) line.textContent = text;
  const bar = row.querySelector('.job-bar');
  if (!bar) return;
  bar.style.inlineSize = `${Math.round((job.progress?.done ?? 0) * 100)}%`;
  const frame = job.progress?.frame;
  const picture = row.querySelector('img');
  if (!frame || job.images?.length || job.mine === false || picture.dataset.frame === String(frame) || !picture.complete) return;  // one frame after the other
  picture.dataset.frame = frame;
  picture.src = jobsApi.preview(job.id, frame);
}
