// @ts-check
/** @import { PageImage } from './page-types.d.ts' */
// The stage: the picture or its live preview, what it says when there is none, the progress line, facts, actions and the strip.

import { images, jobs } from './api.js';
import { $, $$, button, el } from './dom.js';
import { canvasBar } from './canvas-bar.js';
import { bin, pictureActions } from './image-actions.js';
import { fill, useRequest } from './form.js';
import { t } from './language.js';
import { later } from './later.js';
import { maskWhenWanted } from './mask-door.js';
import { progressLine } from './progress.js';
import { component, draw, hasCanvas, inStudio, live, parts, shownImage, state, watchedJob } from './state.js';
import { go } from './tabs.js';
import { tryAgain } from './try-again.js';
import { clock, facts, pace, promptOf } from './format.js';

const EXAMPLES = ['a red apple', 'a cat face', 'a sunflower'];  // the shipped model knows these
const BUSY = ['running', 'loading', 'queued', 'restarting'];
const STRIP = 24;
const [NARROWEST, WIDEST] = [0.5, 2];  // width : height of a picture in the strip

component('stage', (root) => {
  const at = build(root);
  parts.mask = at.mask;
  parts.canvas = at.canvas;
  return {
    openGrid(id) {
      at.wanted = id;  // a tab that opens meanwhile decides on the view first
      if (!inStudio()) go(state.mode);
      at.gridView().then(draw);
    },
    choose(image) {
      state.shown = image.id;
      state.view = 'result';
      const job = watchedJob();
      if (live(job)) state.peek = true;
      else if (job) job.seen = true;
      draw();
    },
    draw() {
      if (at.wanted && at.vary.open && inStudio()) openWanted(at);
      const masking = hasCanvas() && state.view === 'mask';
      drawViews(at, masking);
      const varied = !at.vary.root.hidden;
      const peeking = drawPicture(at, masking || varied);
      drawNotice(at, masking || varied, peeking);
      drawProgress(at);
      drawBelow(at, masking || varied, peeking);
      at.vary.draw();
      drawStrip(at, peeking);
      at.canvas.show(masking, varied || at.picture.hidden);
    },
  };
});

function openWanted(at) {
  state.view = 'vary';
  at.vary.root.hidden = false;
  at.vary.open(at.wanted);
  at.wanted = '';
  if (innerWidth <= 760) scrollTo({ top: 0 });
}

function build(root) {
  const picture = el('img.picture', { alt: '', draggable: 'false' });
  const grid = el('div.batch', { hidden: true });
  const notice = el('div.notice', {}, el('span.notice-icon', { 'aria-hidden': 'true' }), el('h2'), el('p'), el('div.row-of-buttons'));
  const mask = maskWhenWanted();
  const view = (name, label, act) => el('button', { type: 'button', 'data-view': name, onclick: () => { act(); draw(); } }, label);
  const views = el('div.views', { role: 'group', 'aria-label': t('Show') },
    view('mask', t('Canvas'), () => { state.view = 'mask'; }), view('result', t('Result'), () => { state.view = 'result'; }),
    view('grid', t('Grid'), () => { state.view = 'grid'; }), view('vary', t('Vary'), () => { state.view = 'vary'; }), view('live', t('Live preview'), () => { state.view = 'result'; state.peek = false; }));
  const vary = { root: el('section.vary', { hidden: true }), id: '', draw() {} };  // until a grid is wanted
  const canvas = canvasBar(mask, bin);
  const frame = el('div.frame', {}, el('div.canvas-bar', {}, views, ...canvas.nodes), picture, canvas.original, grid, notice, mask.root, vary.root);
  const bar = el('div.bar', { role: 'progressbar', 'aria-label': t('Progress'), 'aria-valuemin': 0, 'aria-valuemax': 100 }, el('i'));
  const what = el('span.what'), numbers = el('span.numbers');
  const progress = el('div.progress', {}, bar, el('div.line', {}, what, numbers));
  const acts = el('div.acts', { role: 'toolbar', 'aria-label': t('This picture') }), about = el('p.facts'), notes = el('p.notes');
  const strip = el('div.strip', { role: 'listbox', 'aria-label': t('Recent pictures'), 'aria-orientation': 'vertical' });
  root.append(el('section.stage', { 'aria-label': t('Result') }, frame, el('div', { id: 'stage-note' }), progress, notes, el('div.below', {}, about, acts)), strip);
  const at = { picture, grid, notice, mask, canvas, vary, views, bar, what, numbers, progress, acts, about, notes, strip, drawn: '', wanted: '', gridView: later(bring) };
  async function bring() {
    const { makeGridView } = await import('./grid-view.js');
    const made = makeGridView(() => { if (state.view === 'vary') state.view = 'result'; });
    at.vary.root.replaceWith(made.root);
    at.vary = made;
  }
  return at;
}

/** The pictures of the shown picture's batch, when there are several. */
function batch() {
  const image = shownImage();
  const made = (image?.job_id && state.jobs.get(image.job_id)?.images) || [];
  return made.length > 1 && made.some((each) => each.id === image?.id) ? made : [];
}

function drawViews(at, masking) {
  const several = batch().length > 1 && !BUSY.includes(state.now.name);
  const varied = state.view === 'vary' && Boolean(at.vary.id);
  const shows = { mask: hasCanvas(), grid: several, vary: at.vary.id, live: state.peek && state.now.name === 'running' };
  shows.result = shows.mask || shows.grid || shows.vary || shows.live;
  at.views.hidden = !shows.result || varied;
  if (state.view === 'grid' && !several) state.view = 'result';
  for (const each of $$('button', at.views)) {
    each.hidden = !shows[each.dataset.view];
    each.setAttribute('aria-pressed', each.dataset.view === (masking ? 'mask' : varied ? 'vary' : state.view === 'grid' ? 'grid' : 'result'));
  }
  at.mask.root.hidden = !masking;
  at.vary.root.hidden = masking || !varied;
}

/** Draw the preview, the chosen picture or the grid; tells whether a chosen picture stands before a running job. */
function drawPicture(at, masking) {
  const { name, job } = state.now;
  const image = shownImage();
  const peeking = state.peek && BUSY.includes(name) && Boolean(image);
  const frame = name === 'running' && !peeking ? job.progress?.frame ?? 0 : 0;
  const preview = frame > 0;
  const grid = state.view === 'grid' && !BUSY.includes(name) && !masking;
  const covered = !peeking && (['first', 'failed', 'loading', 'restarting', 'joining'].includes(name) || (name === 'running' && !preview));
  const src = preview && job ? jobs.preview(job.id, frame) : image && images.file(image.id);
  at.picture.hidden = masking || grid || !src || covered;
  at.grid.hidden = !grid;
  if (grid) drawGrid(at.grid);
  at.picture.classList.toggle('dim', !peeking && ['offline', 'queued'].includes(name));
  const measure = preview && job ? previewSize(job) : image;
  if (src && measure && !at.picture.hidden) show(at, src, measure, preview ? t('Live preview') : promptOf(image), preview);
  return peeking;
}

/** @param {import('./page-types.d.ts').PageJob} job */
const previewSize = ({ progress, request }) =>
  progress?.previewWidth ? { width: progress.previewWidth, height: progress.previewHeight } : request;

/**
 * @param {any} at
 * @param {string} src
 * @param {{width?: number | null, height?: number | null}} size
 * @param {string} alt
 * @param {boolean} preview
 */
function show(at, src, size, alt, preview) {
  at.picture.style.setProperty('--ratio', (size.width ?? 1) / (size.height ?? 1));
  at.picture.alt = alt;
  if (src === at.drawn || (preview && at.decoding)) return;  // skip a frame while the last one is not decoded
  at.drawn = src;
  at.decoding = preview;
  at.picture.width = size.width;
  at.picture.height = size.height;
  at.picture.onload = at.picture.onerror = () => { if (at.decoding) { at.decoding = false; draw(); } };
  at.picture.src = src;
}

function drawGrid(grid) {
  const all = batch();
  const key = all.map((image) => image.id).join();
  if (grid.dataset.key === key) return;
  grid.dataset.key = key;
  const columns = Math.ceil(Math.sqrt(all.length));
  grid.style.setProperty('--columns', columns);
  grid.style.setProperty('--rows', Math.ceil(all.length / columns));
  grid.style.setProperty('--ratio', all[0].width / all[0].height);
  grid.replaceChildren(...all.map((image) => el('button', { type: 'button', 'aria-label': t('Picture {n}', { n: image.index + 1 }), onclick: () => parts.stage.choose(image) },
    el('img', { src: images.file(image.id), alt: '', loading: 'lazy' }))));
}

const OFFERS = {  // what can be done about it, by situation
  failed: (job) => [button('refresh', t('Try again'), () => (job.cost ? tryAgain(job) : $('#generate').click()), { class: 'action primary' }), button('reuse', t('Use these settings'), () => useRequest(job.request, { keepBatch: false })),
    button('close', t('Dismiss'), () => { job.seen = true; draw(); })],
  first: () => (state.noCheckpoint ? [] : EXAMPLES.map((prompt) => button('brush', prompt, () => { fill({ prompt }); $('#prompt textarea').focus(); }))),
};

function drawNotice({ notice }, masking, peeking) {
  const { name, job, title, text } = state.now;
  const preview = name === 'running' && (job.progress?.frame ?? 0) > 0;
  notice.hidden = masking || peeking || preview || name === 'stopped' || name === 'joining' || (!title && name !== 'running');
  notice.dataset.kind = name;
  $('h2', notice).textContent = title || t('Starting');
  $('p', notice).textContent = text || '';
  const key = `${name}${job?.id}${state.noCheckpoint}`;
  if (notice.dataset.key === key) return;
  notice.dataset.key = key;
  $('.row-of-buttons', notice).replaceChildren(...(OFFERS[name]?.(job) ?? []));
}

/** One bar, one line, at the same place in every state, so nothing jumps. */
function drawProgress({ bar, what, numbers, progress }) {
  const { name, job, title, text } = state.now;
  const done = Math.round((BUSY.includes(name) ? job?.progress?.done ?? 0 : 0) * 100);
  $('i', bar).style.inlineSize = `${done}%`;
  progress.dataset.state = name;
  bar.setAttribute('aria-valuenow', done);
  const words = { running: () => (job?.stopping ? t('Stopping after this step') : job ? progressLine(job) : ''), stopped: () => title, queued: () => title, loading: () => title, restarting: () => t('Engine restarting'), offline: () => t('Reconnecting'), failed: () => t('Failed') };
  what.textContent = words[name]?.() ?? '';
  const { speed, left } = job?.progress ?? {};
  const told = name === 'running' ? [pace(speed ?? 0), left !== undefined && t('{clock} left', { clock: clock(left) })] : name === 'stopped' || name === 'queued' ? [text] : [];
  numbers.textContent = told.filter(Boolean).join(' · ');
  bar.setAttribute('aria-valuetext', [what.textContent, numbers.textContent].filter(Boolean).join(', '));
}

/** The chosen picture: what it is, what can be done with it. */
function drawBelow({ about, acts, notes }, masking, peeking) {
  const image = shownImage();
  const idle = image && !masking && state.view !== 'grid' && (peeking || ![...BUSY, 'failed', 'first', 'joining'].includes(state.now.name));
  about.textContent = idle ? facts(image) : '';
  notes.textContent = idle ? (image.notes ?? []).join(' ') : '';
  const key = String(idle && image.id);
  if (acts.dataset.for === key) return;
  acts.dataset.for = key;
  acts.replaceChildren(...(idle ? pictureActions(image) : []));
}

/** @param {PageImage} image */
const shape = ({ width, height }) => Math.min(Math.max((width || 1) / (height || 1), NARROWEST), WIDEST);

/** Rebuilt only when its list changes, then marked. */
function drawStrip({ strip }, peeking) {
  const list = state.images.slice(0, STRIP);
  const key = list.map((image) => image.id).join();
  if (strip.dataset.key !== key) {
    strip.dataset.key = key;
    strip.replaceChildren(...list.map((image) => el('button', { type: 'button', role: 'option', 'data-id': image.id, 'aria-label': promptOf(image), title: promptOf(image), style: `--shape: ${shape(image)}`, onclick: () => parts.stage.choose(image) },
      el('img', { src: images.thumb(image.id), alt: '', loading: 'lazy' }))), el('button.all', { type: 'button', role: 'option', hidden: state.total <= list.length, onclick: () => go('gallery') }, t('All')));
  }
  const showing = peeking || !BUSY.includes(state.now.name);
  for (const each of $$('button', strip)) each.setAttribute('aria-selected', showing && each.dataset.id === state.shown);
}
