// @ts-check
/** @import { PageJob } from './page-types.d.ts' */
// Running first, then waiting in their order with place and start time; below, what has ended.

import { images, jobs as jobsApi, queue as queueApi } from './api.js';
import { button, el, heading, iconButton, notice } from './dom.js';
import { useRequest } from './form.js';
import { askQueue, meet, watch } from './event-stream.js';
import { makeHistory } from './history.js';
import { t } from './language.js';
import { makePlots } from './plots.js';
import { firstWaiting, isMine, lookOf, ordered, quotaWords, sharing, stateLine } from './queue-words.js';
import { component, draw, live, state } from './state.js';
import { complain, toast } from './toast.js';
import { tryAgain } from './try-again.js';
import { go } from './tabs.js';
import { READ_ONLY, shownOwner, whoSees } from './who.js';
import { useSteps } from './extras-tray.js';
import { count, JOB_WORDS, placeOf, promptOf, size } from './format.js';

component('queue', (root) => {
  const rows = el('div.queue', { role: 'list', 'aria-label': t('Jobs') });
  const empty = notice(t('Nothing is waiting'), t('Press Generate as often as you like: jobs wait here and run in turn.'));
  const pause = button('pause', t('Pause'), makePause());
  const free = button('free', t('Free memory'), () => act(queueApi.free(), t('The model leaves memory; the queue is paused, and a running job waits')), { title: t('Pause, and take the model out of memory now') });
  const stopAll = button('close', t('Stop all mine'), () => jobsApi.stopAll().then(({ stopped }) => toast(t('{jobs} stopped', { jobs: count(stopped, 'job') }))).catch(complain), { hidden: true });
  const plots = makePlots();
  const limits = el('p.limits.muted', { hidden: true });
  const sees = el('p.who.muted', { hidden: true });
  const history = makeHistory(update);
  root.append(heading(t('Queue'), el('span.grow'), stopAll, pause, free), plots.root, sees, limits, rows, empty, history.root);
  return {
    opened() { plots.start(); askQueue(); },
    draw() {
      if (state.tab !== 'queue') return plots.stop();
      plots.start();
      pause.lastChild.textContent = state.paused ? t('Resume') : t('Pause');
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

/** The button's act. The stream may say that the queue is paused before the answer does: a click then means Resume, and is not the same asked twice. */
export function makePause() {
  let asked = null;
  return () => {
    const wish = !state.paused;
    if (wish === asked) return;
    asked = wish;
    act(wish ? queueApi.pause() : queueApi.resume(), wish ? t('Paused: the running job finishes') : t('The queue goes on')).finally(() => { if (asked === wish) asked = null; });
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
 * The rows of jobs, in the tab and in the drawer. Rows keep their elements while their job's look is the same, so that focus and clicks survive each step.
 * @param {any} rows
 * @param {PageJob[]} list
 */
export function update(rows, list) {
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
  const about = [request.mode, request.mode === 'extras' ? count(request.inputs?.length ?? 0, 'picture') : request.width && size(request.width, request.height), request.mode !== 'extras' && request.steps && t('{steps} steps', { steps: request.steps }), placeOf(request), job.cost && `$${job.cost.toFixed(2)}`, shownOwner(job.owner)].filter(Boolean).join(' · ');
  const picture = job.images?.at(-1);
  return el('div.job', { role: 'listitem', 'data-id': job.id, 'data-key': key, 'data-state': job.state },
    picture ? el('img', { src: images.thumb(picture.id), alt: '' }) : el('img.blank', { alt: '' }),
    el('div.job-text', {}, el('b', {}, job.mine === false ? t("Somebody else's job") : promptOf(job)), el('span.muted', {}, about), job.error && el('span.danger', { title: job.error.advice }, job.error.message)),
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
  return together.length > 1 && el('span.batch-mark', { title: t('These jobs pass through the model together, step by step.') }, t('in a batch of {together}', { together: together.length }));
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
  if (job.state === 'running') return [button('eye', t('Watch'), () => { watch(job.id); go(state.mode); draw(); }), button('close', job.stopping ? t('Stopping') : t('Stop'), stop, { disabled: Boolean(job.stopping) })];
  if (job.state === 'queued') {
    const first = firstWaiting(waiting);
    return [iconButton('top', t('Move to the front'), () => move('top'), { disabled: place === first }), iconButton('up', t('Move up'), () => move('up'), { disabled: place === first }),
      iconButton('down', t('Move down'), () => move('down'), { disabled: place === waiting.length - 1 }), button('close', t('Remove'), stop, { disabled: Boolean(job.stopping) })];
  }
  const retry = job.state !== 'done' && iconButton('play', t('Try again'), () => tryAgain(job));
  const reuse = job.request.mode === 'extras' ? iconButton('reuse', t('Reuse steps'), () => useSteps(job.request.finish ?? []))
    : iconButton('reuse', t('Reuse parameters'), () => useRequest(job.request, { keepBatch: false }));
  return [reuse, retry, iconButton('dice', t('Run again with a new seed'), () => call(jobsApi.again(job.id)))];
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
