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
const KINDS = ['snapshot', 'engine', 'job', 'queued', 'started', 'step', 'preview', 'image', 'done', 'failed', 'cancelled', 'alive'];

/** A stream of the events at `path`: `take(kind, data)` gets each of them, a snapshot first; `lost()` is called when the server is away. */
export function makeStream(path, { take, lost }) {
  const me = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
  const channel = typeof BroadcastChannel === 'function' ? new BroadcastChannel(`darkroom ${import.meta.url}`) : null;  // windows of another version speak for themselves
  const it = { path, take, lost, me, channel, open: false, source: null, leads: false, rank: 0, highest: 0, leader: null, failures: 0, timers: {} };
  channel?.addEventListener('message', ({ data }) => { if (it.open) hear(it, data); });
  return {
    open() { it.open = true; lead(it); },
    close() {
      it.open = false;
      drop(it);
      for (const name of Object.keys(it.timers)) cancel(it, name);
      it.leader = null;
    },
  };
}

const say = (it, kind, more = {}) => it.channel?.postMessage({ kind, from: it.me, rank: it.rank, ...more });

function later(it, name, ms, act) {
  clearTimeout(it.timers[name]);
  it.timers[name] = setTimeout(act, ms);
}

const cancel = (it, name) => clearTimeout(it.timers[name]);

/** Open the stream in this window. Others follow their leader until its first snapshot is here. */
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

/** Where the network went away without a word (a phone out of reach, a laptop that slept), the browser waits for ever. */
const hold = (it) => later(it, 'silence', SILENCE, () => fail(it));

function beat(it) {
  say(it, it.leads ? 'beat' : 'claim');
  later(it, 'beat', BEAT, () => beat(it));
}

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

function fail(it) {
  it.failures += 1;
  drop(it, 'lost');
  it.lost();
  later(it, 'candidate', RETRY, () => lead(it));
}

/** Give the stream back, and tell those who follow it why. */
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

/** Without a leader: one of the windows opens the stream, the others hear of it. Where that failed in two of them, the server is away. */
function elect(it, failures = 0) {
  if (it.source) return;
  it.leader = null;
  it.failures = failures;
  if (failures > 1) it.lost();
  later(it, 'candidate', (failures > 1 ? RETRY : 0) + Math.random() * CANDIDATES, () => lead(it));
}

const watch = (it) => later(it, 'dead', DEAD, () => elect(it));

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

/** Another window opens the stream: this one waits as long as that one is heard of. */
function claimed(it, from) {
  if (it.leader && it.leader !== from) return;
  cancel(it, 'candidate');
  watch(it);
}

/** Somebody leads whose stream this window has no snapshot of: after a clock was set back, or a window was frozen. */
function ask(it, leader) {
  drop(it);
  say(it, 'ask', { to: leader });
}

/** The snapshot of a stream that is newer than all that were known. */
function follow(it, { from, data }) {
  it.source?.close();
  it.source = null;
  it.leads = false;
  for (const name of ['beat', 'silence', 'candidate']) cancel(it, name);
  it.leader = from;
  it.failures = 0;
  watch(it);
  it.take('snapshot', data);
}

function told(it, { event, data }) {
  watch(it);
  it.take(event, data);
}
