// @ts-check
// One event stream for all windows of a browser, which allows six connections per host: one window holds it and tells the others.
//
// Who opens a stream last leads: its snapshot goes to all windows, and takes the place of the stream that was there before. So a new window
// waits for nobody, and nothing falls between two streams. A leader that is closed or hidden says so; one that is frozen or crashed misses its
// beats. No lock (`navigator.locks` is there only over https and on localhost) and no worker (not on Android): only a BroadcastChannel, and
// without it each window has a stream of its own.

const BEAT = 2_000;      // ms: a leader, and one that would be, is heard of this often
const DEAD = 7_000;      // silence after which another window leads
const RETRY = 1_000;
const SILENCE = 50_000;  // the server says something every 15 s
const CANDIDATES = 400;  // within this time, at random, so that not all of them ask at once
const KINDS = ['snapshot', 'engine', 'job', 'queued', 'started', 'step', 'preview', 'image', 'done', 'failed', 'cancelled', 'models', 'hashing', 'download', 'alive', 'ended'];

/**
 * @typedef {object} Stream one window's part in it
 * @property {string} path
 * @property {(kind: string, data: string) => void} take
 * @property {() => void} lost
 * @property {string} me
 * @property {BroadcastChannel | null} channel
 * @property {boolean} open
 * @property {EventSource | null} source
 * @property {boolean} leads
 * @property {number} rank of its own stream: the newer is the higher
 * @property {number} highest rank that it has heard of
 * @property {string | null} leader
 * @property {number} failures
 * @property {Partial<Record<Timer, ReturnType<typeof setTimeout>>>} timers
 */
/** @typedef {'beat' | 'silence' | 'dead' | 'candidate'} Timer */
/** @typedef {{kind: string, from: string, rank: number, to?: string, event?: string, data?: string, failures?: number}} Said what windows say to each other */

/**
 * A stream of the events at `path`: `take(kind, data)` gets each of them, a snapshot first; `lost()` is called when the server is away.
 * @param {string} path
 * @param {{take: (kind: string, data: string) => void, lost: () => void}} listener
 */
export function makeStream(path, { take, lost }) {
  const me = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  const channel = typeof BroadcastChannel === 'function' ? new BroadcastChannel(`darkroom ${import.meta.url}`) : null;  // windows of another version speak for themselves
  /** @type {Stream} */
  const it = { path, take, lost, me, channel, open: false, source: null, leads: false, rank: 0, highest: 0, leader: null, failures: 0, timers: {} };
  channel?.addEventListener('message', ({ data }) => { if (it.open) hear(it, data); });
  return {
    open() { it.open = true; lead(it); },
    close() {
      it.open = false;
      drop(it);
      for (const name of Object.keys(it.timers)) cancel(it, /** @type {Timer} */ (name));
      it.leader = null;
    },
  };
}

/** @type {(it: Stream, kind: string, more?: Partial<Said>) => void} */
const say = (it, kind, more = {}) => it.channel?.postMessage({ kind, from: it.me, rank: it.rank, ...more });

/**
 * @param {Stream} it
 * @param {Timer} name
 * @param {number} ms
 * @param {() => void} act
 */
function later(it, name, ms, act) {
  clearTimeout(it.timers[name]);
  it.timers[name] = setTimeout(act, ms);
}

/** @type {(it: Stream, name: Timer) => void} */
const cancel = (it, name) => clearTimeout(it.timers[name]);

/**
 * Open the stream in this window. Others follow their leader until its first snapshot is here.
 * @param {Stream} it
 */
function lead(it) {
  it.source?.close();
  it.leads = false;
  it.leader = null;
  cancel(it, 'candidate');
  it.rank = it.highest = Math.max(Date.now(), it.highest + 1);
  it.source = new EventSource(it.path);
  for (const kind of KINDS) it.source.addEventListener(kind, (event) => pass(it, kind, event.data));
  it.source.onerror = () => fail(it);  // the browser's own way gives up at a 502, and tells after the snapshot what was before it
  hold(it);
  beat(it);
}

/**
 * Where the network went away without a word (a phone out of reach, a laptop that slept), the browser waits for ever.
 * @type {(it: Stream) => void}
 */
const hold = (it) => later(it, 'silence', SILENCE, () => fail(it));

/** @param {Stream} it */
function beat(it) {
  say(it, it.leads ? 'beat' : 'claim');
  later(it, 'beat', BEAT, () => beat(it));
}

/**
 * @param {Stream} it
 * @param {string} kind
 * @param {string} data
 */
function pass(it, kind, data) {
  hold(it);
  if (kind === 'snapshot') {
    it.leads = true;
    it.leader = it.me;
    it.failures = 0;
    cancel(it, 'dead');
  }
  if (!it.leads) return;
  say(it, 'event', { event: kind, data });
  it.take(kind, data);
}

/** @param {Stream} it */
function fail(it) {
  it.failures += 1;
  drop(it, 'lost');
  it.lost();
  later(it, 'candidate', RETRY, () => lead(it));
}

/**
 * Give the stream back, and tell those who follow it why.
 * @param {Stream} it
 * @param {string} [why]
 */
function drop(it, why = 'gone') {
  if (!it.source) return;
  it.source.close();
  it.source = null;
  cancel(it, 'beat');
  cancel(it, 'silence');
  it.leader = null;
  it.leads = false;
  say(it, why, { failures: it.failures });
}

/**
 * Without a leader: one of the windows opens the stream, the others hear of it. Where that failed in two of them, the server is away.
 * @param {Stream} it
 * @param {number} [failures]
 */
function elect(it, failures = 0) {
  if (it.source) return;
  it.leader = null;
  it.failures = failures;
  if (failures > 1) it.lost();
  later(it, 'candidate', (failures > 1 ? RETRY : 0) + Math.random() * CANDIDATES, () => lead(it));
}

/** @type {(it: Stream) => void} */
const watch = (it) => later(it, 'dead', DEAD, () => elect(it));

/**
 * @param {Stream} it
 * @param {Said} message
 */
function hear(it, message) {
  const { kind, from, rank } = message;
  it.highest = Math.max(it.highest, rank);
  if (it.source && it.rank > rank && kind !== 'ask') return void (it.leads && kind === 'claim' && beat(it));
  if (kind === 'claim' && !it.source) claimed(it, from);
  else if (kind === 'event' && message.event === 'snapshot') follow(it, message);
  else if (kind === 'event' && from === it.leader) told(it, message);
  else if (kind === 'beat' && from === it.leader) watch(it);
  else if (kind === 'beat' && (it.leads || !it.source)) ask(it, from);
  else if (kind === 'ask' && message.to === it.me && it.leads) lead(it);
  else if (['gone', 'lost'].includes(kind) && (from === it.leader || !it.leader)) elect(it, message.failures);
}

/**
 * Another window opens the stream: this one waits as long as that one is heard of.
 * @param {Stream} it
 * @param {string} from
 */
function claimed(it, from) {
  if (it.leader && it.leader !== from) return;
  cancel(it, 'candidate');
  watch(it);
}

/**
 * Somebody leads whose stream this window has no snapshot of: after a clock was set back, or a window was frozen.
 * @param {Stream} it
 * @param {string} leader
 */
function ask(it, leader) {
  drop(it);
  say(it, 'ask', { to: leader });
}

/**
 * The snapshot of a stream that is newer than all that were known.
 * @param {Stream} it
 * @param {Said} message
 */
function follow(it, { from, data = '' }) {
  it.source?.close();
  it.source = null;
  it.leads = false;
  for (const name of /** @type {Timer[]} */ (['beat', 'silence', 'candidate'])) cancel(it, name);
  it.leader = from;
  it.failures = 0;
  watch(it);
  it.take('snapshot', data);
}

/**
 * @param {Stream} it
 * @param {Said} message
 */
function told(it, { event = '', data = '' }) {
  watch(it);
  it.take(event, data);
}
