// @ts-check
/** @import { PageImage, PageJob } from './page-types.d.ts' */
// Extras: a finish chain for pictures that exist. Drop some, or send one from the gallery, say what is to be done, and press Go.

import { extras, images } from './api.js';
import { button, el, heading, icon, iconButton } from './dom.js';
import { takePictures } from './drops.js';
import { numberOf } from './exact.js';
import { facts } from './facts.js';
import { putFiles, takeOut, tray } from './extras-tray.js';
import { chainEditor } from './finish-chain.js';
import { count, size, some } from './format.js';
import { t } from './language.js';
import { component, draw, live, state } from './state.js';
import { store, stored } from './storage.js';
import { toast } from './toast.js';
import { openViewer } from './viewer.js';

const MOST_NAMED = 200;

component('extras', (root) => {
  const it = parts(facts.steps), usual = JSON.stringify([{ kind: 'upscale', upscaler: facts.usual, scale: 2 }]);
  root.append(heading(t('Extras')), el('div.extras', {},
    el('div.extras-form', {}, it.drop, it.file, it.list, it.folder, el('h3', {}, t('What is to be done')), it.editor.root,
      el('details', {}, el('summary', {}, t('Tiles of networks')), el('div.step-fields.tiles', {}, it.tile.root, it.overlap.root)),
      el('div.row-of-buttons', {}, it.go), it.trouble),
    el('div.extras-results', { 'aria-live': 'polite' }, it.welcome, it.before, it.said, it.over, it.results)));
  it.editor.show(stored('extras', usual));
  takePictures(() => state.tab === 'extras', (_file, all) => take(it, all));
  const changed = () => showTray(it);
  changed();
  const stepsChanged = () => it.editor.show(stored('extras', usual));
  return { changed, stepsChanged, draw: () => showJobs(it), opened: changed };
});

/** The tab's elements. */
function parts(kinds) {
  /** @type {any} */
  const it = { jobs: [], passedOver: [] };
  it.file = el('input', { type: 'file', accept: 'image/*', multiple: true, hidden: true, onchange: () => { take(it, [...it.file.files]); it.file.value = ''; } });
  it.drop = el('button.drop', { type: 'button', onclick: () => it.file.click() }, icon('picture'), el('span', {}, t('Drop pictures, paste one, or '), el('u', {}, t('choose files'))));
  it.welcome = el('button.drop.welcome', { type: 'button', onclick: () => it.file.click() }, icon('picture'), el('span', {}, t('Drop pictures, paste one, or '), el('u', {}, t('choose files'))));
  it.before = el('figure.extras-before', { hidden: true });
  it.list = el('div.tray', { role: 'list', 'aria-label': t('Pictures') });
  it.path = el('input', { type: 'text', id: 'extras-folder', placeholder: '/home/me/pictures', autocomplete: 'off', oninput: () => showTray(it) });
  it.folder = el('div.step-field.extras-folder', {}, el('label', { for: 'extras-folder' }, t('Or every picture in a folder of this machine')), it.path);
  it.editor = chainEditor(kinds, (text) => { store('extras', text); it.trouble.hidden = true; }, () => tray[0]?.id);
  it.tile = number('extras-tile', t('Tile size'), 192);
  it.overlap = number('extras-overlap', t('Overlap'), 8);
  it.go = button('enlarge', t('Go'), () => submit(it), { class: 'action primary', id: 'extras-go' });
  it.trouble = el('p.field-error', { role: 'alert', hidden: true });
  it.said = el('p.muted', {});
  it.over = el('details.passed-over', { hidden: true });
  it.results = el('div.extras-grid', { role: 'list', 'aria-label': t('Results') });
  return it;
}

function number(id, label, value) {
  const input = el('input', { id, type: 'number', min: 0, step: 1, value, placeholder: value, autocomplete: 'off' });
  return { root: el('div.step-field', {}, el('label', { for: id }, label), input), value: () => (input.validity.badInput ? 'no number' : input.value === '' ? value : numberOf(input.value)) };
}

/**
 * Put files into the tray; those that are no pictures are named.
 * @param {File[]} files
 */
async function take(it, files) {
  await putFiles(files);
  it.trouble.hidden = true;
}

function showTray(it) {
  const folder = it.path.value.trim();
  it.folder.hidden = !state.admin || tray.length > 0;
  it.drop.hidden = Boolean(folder);
  it.list.replaceChildren(...tray.map((image) => el('div.tray-picture', { role: 'listitem', 'data-id': image.id },
    el('img', { src: images.thumb(image.id), alt: size(image.width, image.height), title: size(image.width, image.height) }),
    iconButton('close', t('Take out'), () => takeOut(image)))));
  showBefore(it, it.results.childElementCount);
}

async function submit(it) {
  const folder = tray.length ? '' : it.path.value.trim();
  it.trouble.hidden = true;
  try {
    const told = await extras.submit({ images: tray.map((image) => image.id), folder, finish: it.editor.steps(), upscale_tile: it.tile.value(), upscale_overlap: it.overlap.value() });
    it.jobs = told.jobs.map((job) => job.id);
    it.passedOver = told.passed_over;
    for (const job of told.jobs) if (!state.jobs.has(job.id)) state.jobs.set(job.id, { order: Infinity, ...job, request: job.request ?? {} });
    showPassedOver(it);
    draw();
  } catch (problem) {
    it.trouble.textContent = problem.message;
    it.trouble.hidden = false;
  }
}

/** Before there are results: where pictures are dropped, or the first of those that were. */
function showBefore(it, made) {
  const waits = !made && !it.jobs.length;
  const [first] = tray;
  it.welcome.hidden = !waits || Boolean(first || it.path.value.trim());
  it.before.hidden = !waits || !first;
  if (it.before.dataset.id === (first?.id ?? '')) return;
  it.before.dataset.id = first?.id ?? '';
  it.before.replaceChildren(...(first ? [el('img', { src: images.file(first.id), alt: '', width: first.width, height: first.height }), el('figcaption', {}, size(first.width, first.height))] : []));
}

/** The files of the folder that the last Go left alone, each with its reason. */
function showPassedOver(it) {
  const all = it.passedOver, said = t('{files} passed over', { files: count(all.length, 'file') });
  it.over.hidden = !all.length;
  it.over.replaceChildren(el('summary', {}, said), el('ul', {}, ...all.slice(0, MOST_NAMED).map((each) => el('li', {}, `${each.name}: ${each.why}`)),
    ...(all.length > MOST_NAMED ? [el('li', {}, t('and {all} more', { all: all.length - MOST_NAMED }))] : [])));
  if (all.length) toast(t('{said}: {names}. Their reasons are listed beside the results.', { said, names: some(all.map((each) => each.name)) }));
}

/** The jobs of the last Go: how far they are, and their pictures. */
function showJobs(it) {
  showFolder(it);
  /** @type {PageJob[]} */
  const jobs = it.jobs.map((id) => state.jobs.get(id)).filter(Boolean);
  /** @type {PageImage[]} */
  const made = jobs.flatMap((job) => (job.images ?? []).map((image) => ({ request: job.request, ...image })));
  it.said.textContent = words(jobs, made.length, it.passedOver.length);
  showBefore(it, made.length);
  const shown = [...it.results.children].map((node) => node.dataset.id).join();
  if (shown === made.map((image) => image.id).join()) return;
  it.results.replaceChildren(...made.map((image) => el('div', { role: 'listitem', 'data-id': image.id }, el('button.extras-result', { type: 'button', title: size(image.width, image.height), onclick: () => openViewer(() => made, image) },
    el('img', { src: images.thumb(image.id), alt: t('Result, {size}', { size: size(image.width, image.height) }) }), el('span', {}, size(image.width, image.height))))));
}

function showFolder(it) {
  it.folder.hidden = !state.admin || tray.length > 0;
}

/**
 * @param {PageJob[]} jobs
 * @param {number} made
 * @param {number} passed
 */
function words(jobs, made, passed) {
  if (!jobs.length) return '';
  const wanted = jobs.reduce((sum, job) => sum + (job.request.inputs?.length ?? 0), 0);
  const failed = jobs.find((job) => job.state === 'failed');
  const notes = [...new Set(jobs.flatMap((job) => job.notes ?? []))].join(' ');
  const over = passed ? t(' {files} passed over.', { files: count(passed, 'file') }) : '';
  if (failed) return t('Failed: {reason}{over}', { reason: failed.error?.message ?? '', over });
  if (jobs.some(live)) return t('{made} of {wanted} done.{over}', { made, wanted, over });
  return t('{stopped}{made} of {wanted} done.{over} {notes}', { stopped: jobs.some((job) => job.state === 'cancelled') ? t('Stopped: ') : '', made, wanted, over, notes }).trim();
}

