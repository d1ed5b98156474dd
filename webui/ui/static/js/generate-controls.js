// @ts-check
// Beside Generate: Stop, Skip, and a small menu with "Generate forever" and "Stop after this picture". While it generates forever, Generate says so, with a count, and Off stands beside it.

import { jobs } from './api.js';
import { $, el, iconButton } from './dom.js';
import { isOn, switchChime, switchTell } from './ends.js';
import { watch } from './event-stream.js';
import { t } from './language.js';
import { component, draw, live, parts, state, watchedJob } from './state.js';
import { complain, toast } from './toast.js';

const AFTER_FAILURE = t('Generate forever is off: the last job did not finish.');

component('run', (root) => {
  const stopButton = el('button.stop', { type: 'button', id: 'stop', title: t('Stop now (Esc)'), onclick: () => { stop(); } }, t('Stop'));
  const skipButton = iconButton('skip', t('Skip this picture'), () => tell('skip'), { id: 'skip', class: 'stop' });
  const offButton = el('button.stop', { type: 'button', id: 'forever-off', title: t('No more after this one'), onclick: () => { setForever(false); draw(); $('#generate').focus(); } }, t('Off'));
  const forever = item(t('Generate forever'), switchForever);
  const skip = item(t('Skip this picture'), () => tell('skip'));
  const after = item(t('Stop after this picture'), () => tell('after'));
  const vary = el('button', { type: 'button', role: 'menuitem', title: t('Several values of a field: a grid (X/Y/Z plot)'), onclick: () => { toggleAll(); parts.vary?.choose(); } }, t('Vary a field…'));
  const tells = item(t('Tell me when it is done'), () => switchTell().then(draw));
  const chimes = item(t('Sound when it is done'), switchChime);
  const menu = el('div.menu', { role: 'menu', hidden: true }, forever, vary, skip, after, tells, chimes);
  const more = iconButton('more', t('More ways to generate'), () => toggle(menu, more), { 'aria-haspopup': 'menu', 'aria-expanded': 'false', id: 'more' });
  root.append(el('div.run', {}, offButton, skipButton, stopButton, more, menu));
  closeOutside(menu, more);

  return {
    stop,
    submitted(job) {
      if (!state.jobs.has(job.id)) state.jobs.set(job.id, { order: Infinity, ...job });
      const watched = watchedJob();
      if (!live(watched)) watch(job.id);
      else if (watched.id !== job.id) toast(t('Added to the queue'));
      state.view = 'result';
      parts.dock?.close();
      if (innerWidth <= 760) scrollTo({ top: 0, behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'instant' : 'smooth' });
      draw();
    },
    refused() { setForever(false); },
    made() { if (state.forever) state.made += 1; },
    ended(job) {
      if (!state.forever || job.id !== state.watched) return;
      if (job.state === 'done') return void setTimeout(() => state.forever && $('#generate').click(), 100);
      setForever(false);
      if (job.state === 'failed') toast(AFTER_FAILURE);
    },
    draw() {
      const job = watchedJob();
      const running = live(job);
      const several = live(job) && job.state === 'running' && (job.request.batch_count ?? 1) > 1;
      stopButton.hidden = !running && !state.forever;
      offButton.hidden = !state.forever;
      skipButton.hidden = !several || state.forever;
      skip.hidden = !several || !state.forever;
      after.hidden = !several;
      forever.setAttribute('aria-checked', state.forever);
      tells.setAttribute('aria-checked', isOn('tell'));
      chimes.setAttribute('aria-checked', isOn('chime'));
      document.body.classList.toggle('forever', state.forever);
      label(state.forever ? t('Forever · {made}', { made: state.made }) : parts.vary?.active() ? parts.vary.words() : t('Generate'));
    },
  };
});

/** Generate forever, from now on or no more. */
export function switchForever() {
  setForever(!state.forever);
  if (state.forever && !live(watchedJob())) $('#generate').click();
}

function setForever(on) {
  state.forever = on;
  state.made = 0;
}

function label(words) {
  const button = $('#generate');
  const text = [...(button?.childNodes ?? [])].find((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  if (!text || text.data === words) return;
  text.data = words;
  button.title = !state.forever ? '' : t('One after the other, with what the form says then, until Off. Press to add one now.');
}

const item = (text, act) => el('button', { type: 'button', role: 'menuitemcheckbox', 'aria-checked': 'false', onclick: () => { act(); toggleAll(); draw(); } }, text);

function toggle(menu, opener) {
  menu.hidden = !menu.hidden;
  opener.setAttribute('aria-expanded', !menu.hidden);
  if (!menu.hidden) $('button:not([hidden])', menu).focus();
}

function toggleAll() {
  const open = $('.menu:not([hidden])');
  if (open) { open.hidden = true; $('#more')?.setAttribute('aria-expanded', 'false'); $('#more')?.focus(); }
}

function closeOutside(menu, opener) {
  document.addEventListener('pointerdown', (event) => { if (!menu.hidden && !menu.contains(event.target) && !opener.contains(event.target)) toggle(menu, opener); });
  menu.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') { event.stopPropagation(); toggleAll(); }
    if (!['ArrowDown', 'ArrowUp'].includes(event.key)) return;
    event.preventDefault();
    const items = [...menu.children].filter((child) => !child.hidden);
    items[(items.indexOf(document.activeElement) + (event.key === 'ArrowDown' ? 1 : items.length - 1)) % items.length].focus();
  });
}

/** Stop what the stage shows, and "forever" with it. */
function stop() {
  setForever(false);
  const job = watchedJob();
  if (live(job)) {
    job.stopping = job.state === 'running';
    tell('stop');
  }
  draw();
  return live(job);
}

async function tell(how) {
  const job = watchedJob();
  if (!live(job)) return;
  try {
    await jobs.cancel(job.id, how);
    if (how === 'after') toast(t('Stops when this picture is done'));
  } catch (problem) {
    job.stopping = false;
    if (problem.status !== 409) complain(problem);
    draw();
  }
}
