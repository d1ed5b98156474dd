// @ts-check
/** @import { PageJob } from './page-types.d.ts' */
// How one's jobs go, for who looks elsewhere: in the tab's title; by a notification and a sound where they were asked for.

import { pictureAddress } from './address.js';
import { $ } from './dom.js';
import { endWords, ringOf, titleOf } from './end-words.js';
import { t } from './language.js';
import { store, stored } from './storage.js';
import { live, parts, state, watchedJob } from './state.js';
import { toast } from './toast.js';

/** @type {{unseen: import('./end-words.js').Unseen, ended: PageJob[], audio: AudioContext | null, icon: string, rest: () => void}} */
const it = { unseen: '', ended: [], audio: null, icon: '', rest: () => {} };

/**
 * `rest()` gives the connection back of a page that is hidden and waits for nothing more.
 * @param {() => void} rest
 */
export function watchEnds(rest) {
  it.rest = rest;
  parts.ends = { draw: say, heard, wanted: () => (isOn('tell') || isOn('chime')) && waiting() };
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) it.unseen = '';
    else if (!state.forever && !parts.ends.wanted()) return void tell(titleOf(null, ''), '');  // nothing is heard from here on
    say();
  });
}

/** Whether one of the two was asked for. @param {'tell' | 'chime'} what */
export const isOn = (what) => Boolean(stored(what, false));

const waiting = () => [...state.jobs.values()].some((job) => job.mine !== false && live(job));

const say = () => tell(titleOf(watchedJob(), it.unseen, state.forever), ringOf(watchedJob()));

/** @param {string} title @param {string} ring the tab's icon; nothing for the page's own */
function tell(title, ring) {
  if (document.title !== title) document.title = title;
  const link = $('link[rel=icon]');
  if (!link || link.dataset.ring === ring || (!ring && !link.dataset.ring)) return;
  it.icon ||= link.href;
  link.dataset.ring = ring;
  link.href = ring || it.icon;
}

/**
 * Something was told of a job. A hidden page draws nothing, so this is called for every event.
 * @param {PageJob} job
 * @param {PageJob['state'] | undefined} before
 */
function heard(job, before) {
  if (job.mine === false) return;
  if (before !== undefined && before !== job.state && !live(job)) over(job);
  say();
}

/** @param {PageJob} job that has ended */
function over(job) {
  if (job.state !== 'cancelled') {
    it.ended.push(job);
    if (document.hidden) it.unseen = job.state === 'failed' || it.unseen === 'failed' ? 'failed' : 'done';
  }
  if (waiting() || state.forever) return;
  const ended = it.ended;
  it.ended = [];
  if (ended.length && document.hidden && isOn('tell')) notify(ended);
  if (ended.length && isOn('chime')) chime();
  if (document.hidden) it.rest();
}

/** @param {PageJob[]} ended */
function notify(ended) {
  const { title, body } = endWords(ended);
  const last = ended.at(-1)?.images?.at(-1);
  const shown = new Notification(title, { body, tag: 'darkroom' });
  shown.onclick = () => {
    globalThis.focus();
    if (last) location.hash = pictureAddress(last.id);
    shown.close();
  };
}

/** One soft tone that fades. */
function chime() {
  it.audio ??= new AudioContext();
  const { audio } = it;
  const tone = audio.createOscillator(), loudness = audio.createGain();
  tone.frequency.value = 660;
  loudness.gain.setValueAtTime(0.12, audio.currentTime);
  loudness.gain.exponentialRampToValueAtTime(0.001, audio.currentTime + 0.35);
  tone.connect(loudness).connect(audio.destination);
  tone.start();
  tone.stop(audio.currentTime + 0.35);
}

/** Switch the sound on, which is heard at once, or off. */
export function switchChime() {
  store('chime', !isOn('chime'));
  if (isOn('chime')) chime();
}

/** Switch notifications on, for which the browser asks, or off. */
export async function switchTell() {
  if (isOn('tell')) return store('tell', false);
  if (typeof Notification !== 'function' || !isSecureContext) return toast(t('Notifications need https, or the machine that Darkroom runs on.'));
  const answer = await Notification.requestPermission();
  if (answer !== 'granted') return toast(t('The browser does not let this page notify. Its address bar can change that.'));
  store('tell', true);
}
