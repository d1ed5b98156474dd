// @ts-check
/** @import { EngineStatus, Sample } from './api-types.d.ts' */
// How busy the machine is: speed, queue, processor and memory, the accelerator's too when there is one, over the last five minutes.

import { system } from './api.js';
import { el } from './dom.js';
import { number, t } from './language.js';
import { state } from './state.js';
import { bytes, count } from './format.js';
import { ENGINE_WORDS } from './queue-words.js';

const PERIOD = 2000;
const NS = 'http://www.w3.org/2000/svg';
/** @typedef {{title: string, value: (sample: Sample) => number, full?: (sample: Sample) => number, words: (sample: Sample) => string}} Kind */
/** @type {Kind[]} */
const KINDS = [
  { title: t('Speed'), value: (s) => s.speed, words: (s) => t('{speed} steps/s', { speed: number(s.speed, s.speed >= 10 ? 0 : 1) }) },
  { title: t('Jobs'), value: (s) => s.queue, words: (s) => count(s.queue, 'job') },
  { title: t('Processor'), value: (s) => s.cpu, full: () => 100, words: (s) => `${Math.round(s.cpu)} %` },
  { title: t('Engines'), value: (s) => s.engines_memory, full: (s) => s.memory_total, words: (s) => bytes(s.engines_memory) },
  { title: t('Memory'), value: (s) => s.memory, full: (s) => s.memory_total, words: (s) => bytes(s.memory) },
  { title: t('GPU memory'), value: (s) => s.device_used, full: (s) => s.device_total, words: (s) => bytes(s.device_used) },
];

export function makePlots() {
  const root = el('div.plots', { 'aria-label': t('The machine'), role: 'group' });
  let timer = 0, asking = false;
  const look = async () => {
    if (state.tab !== 'queue' || document.hidden || asking) return;
    asking = true;  // one answer after the other, however slow they come
    const told = await system().catch(() => null);  // the stream says when the server is away
    asking = false;
    if (told?.samples?.length) root.replaceChildren(...KINDS.filter((kind) => told.samples.some((sample) => kind.value(sample) > 0)).map((kind) => plot(kind, told.samples)), ...engines());
  };
  const stop = () => { clearInterval(timer); timer = 0; };
  const start = () => { if (!timer) { timer = setInterval(look, PERIOD); look(); } };
  return { root, start, stop };
}

/**
 * @param {Kind} kind
 * @param {Sample[]} samples
 */
function plot(kind, samples) {
  const last = samples[samples.length - 1], full = kind.full?.(last) ?? 0;
  const drawing = document.createElementNS(NS, 'svg');
  drawing.setAttribute('viewBox', '0 0 100 32');
  drawing.setAttribute('preserveAspectRatio', 'none');
  drawing.setAttribute('aria-hidden', 'true');
  const points = samples.map((s, n) => `${((n / Math.max(samples.length - 1, 1)) * 100).toFixed(2)},${(31 - 30 * Math.min(1, (kind.value(s) ?? 0) / (kind.full?.(s) || told(kind, samples)))).toFixed(2)}`);
  /** @type {Array<[string, string[]]>} */
  const lines = [['polygon', ['0,32', ...points, '100,32']], ['polyline', points]];
  for (const [what, at] of lines) {
    const line = document.createElementNS(NS, what);
    line.setAttribute('points', at.join(' '));
    drawing.append(line);
  }
  return el('figure.plot', { title: full > 100 ? t('of {bytes}', { bytes: bytes(full) }) : null }, el('figcaption', {}, el('span', {}, kind.title), el('b', {}, kind.words(last))), drawing);
}

/**
 * The largest value seen, when nobody knows what is full.
 * @param {Kind} kind
 * @param {Sample[]} samples
 */
const told = (kind, samples) => Math.max(1, ...samples.map((sample) => kind.value(sample) ?? 0));

/** What each engine does; nothing where there is none. */
const engines = () => (state.engines.length ? [el('figure.plot.words', {}, ...state.engines.map((engine) => el('p', {}, el('b', {}, [engine.node, engine.device || engine.name || 'engine'].filter(Boolean).join(' ')), ' ',
  el('span.muted', {}, [ENGINE_WORDS[engine.state] ?? engine.state, engine.warm?.length ? engine.warm.join(', ') : engine.loaded, engine.resident && bytes(engine.resident)].filter(Boolean).join(' · ')))))] : []);
