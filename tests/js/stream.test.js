import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { makeStream } from '../../webui/ui/static/js/stream.js';

const PATH = '/events';
let sources, channels, windows, now;

/** A connection to the server; a test says what comes over it. */
class Source {
  closed = false;
  listeners = {};
  constructor(path) { assert.equal(path, PATH); sources.push(this); }
  addEventListener(kind, listener) { this.listeners[kind] = listener; }
  close() { this.closed = true; }
  send(kind, data = '') { assert.ok(!this.closed, 'a closed stream tells nothing'); this.listeners[kind]({ data }); }
}

/** What the windows of one browser say to each other; here it arrives at once, and only in windows that are not frozen. */
class Channel {
  constructor() { channels.push(this); }
  addEventListener(_, listener) { this.listener = listener; }
  postMessage(data) { for (const other of channels) if (other !== this && !other.frozen) other.listener({ data }); }
}

/** A window of the browser, with what it was told. */
function open() {
  const it = { told: [], lost: 0 };
  it.stream = makeStream(PATH, { take: (kind, data) => it.told.push(data ? `${kind} ${data}` : kind), lost: () => { it.lost += 1; } });
  it.channel = channels.at(-1);
  it.stream.open();
  windows.push(it);
  return it;
}
const channelsAre = (value) => Object.defineProperty(globalThis, 'BroadcastChannel', { value, configurable: true, writable: true });
const connections = () => sources.filter((source) => !source.closed);
const only = () => { assert.equal(connections().length, 1); return connections()[0]; };
const wait = (ms) => { now += ms; mock.timers.tick(ms); };

beforeEach(() => {
  [sources, channels, windows, now] = [[], [], [], 1_000_000];
  mock.timers.enable({ apis: ['setTimeout'] });
  mock.method(Date, 'now', () => now);
  globalThis.EventSource = Source;
  channelsAre(Channel);
});
afterEach(() => {
  mock.restoreAll();
  mock.timers.reset();
});

/** Two windows, of which the second leads. */
function two() {
  const first = open();
  only().send('snapshot', '1');
  wait(10);
  const second = open();
  connections().at(-1).send('snapshot', '2');
  return [first, second];
}

test('one window: a snapshot first, then what happens', () => {
  const it = open();
  only().send('step', 'too early');
  only().send('snapshot', '1');
  only().send('step', '2');
  assert.deepEqual(it.told, ['snapshot 1', 'step 2']);
});

test('the newest window leads, the older one gives its connection back and hears the same', () => {
  const [first, second] = two();
  only().send('step', '3');
  assert.deepEqual(first.told, ['snapshot 1', 'snapshot 2', 'step 3']);
  assert.deepEqual(second.told, ['snapshot 2', 'step 3']);
});

test('until the new window has its snapshot the old one goes on', () => {
  const first = open();
  only().send('snapshot', '1');
  wait(10);
  const second = open();
  assert.equal(connections().length, 2);
  connections()[0].send('step', '2');
  assert.deepEqual([first.told, second.told], [['snapshot 1', 'step 2'], []]);
});

test('when the leader is closed the other one leads, with a snapshot', () => {
  const [first, second] = two();
  second.stream.close();
  assert.deepEqual(connections(), []);
  wait(500);
  only().send('snapshot', '4');
  assert.equal(first.told.at(-1), 'snapshot 4');
  assert.equal(first.lost, 0);
});

test('a leader that is frozen misses its beats', () => {
  const [first, second] = two();
  second.channel.frozen = true;
  second.channel.postMessage = () => {};
  wait(7_000);
  wait(500);
  assert.equal(connections().length, 2);
  connections().at(-1).send('snapshot', '5');
  assert.equal(first.told.at(-1), 'snapshot 5');
});

test('a leader that lives is not replaced, however quiet the server is', () => {
  two();
  const leading = only();
  for (let n = 0; n < 8; n += 1) {
    wait(2_000);
    if (n % 4 === 3) leading.send('alive');
  }
  assert.equal(only(), leading);
  assert.equal(sources.length, 2);
});

test('the server is away: it is said, and tried again', () => {
  const it = open();
  only().send('snapshot', '1');
  only().onerror();
  assert.equal(it.lost, 1);
  assert.deepEqual(connections(), []);
  wait(1_000);
  only().send('snapshot', '2');
  assert.deepEqual(it.told, ['snapshot 1', 'snapshot 2']);
});

test('a connection on which nothing comes any more is given up', () => {
  const it = open();
  only().send('snapshot', '1');
  wait(49_000);
  only().send('alive');
  wait(49_000);
  assert.equal(it.lost, 0);
  wait(2_000);
  assert.equal(it.lost, 1);
  assert.equal(sources.length, 1 + (connections().length));
});

test('who follows learns of the loss when a second window has failed too', () => {
  two();
  wait(10);
  open();
  connections().at(-1).send('snapshot', '3');
  only().onerror();
  assert.deepEqual(windows.map(({ lost }) => lost), [0, 0, 1], 'only the leader knows yet');
  wait(500);
  only().onerror();
  assert.ok(windows.every(({ lost }) => lost > 0));
});

test('a window that slept through a change of leaders asks for a snapshot', () => {
  const [first, second] = two();
  first.channel.frozen = true;
  wait(10);
  const third = open();
  connections().at(-1).send('snapshot', '3');
  first.channel.frozen = false;
  wait(2_000);
  connections().at(-1).send('snapshot', '4');
  assert.deepEqual([first, second, third].map(({ told }) => told.at(-1)), ['snapshot 4', 'snapshot 4', 'snapshot 4']);
  only();
});

test('a closed window takes nothing, and opens again where it left', () => {
  const [first, second] = two();
  first.stream.close();
  only().send('step', '3');
  assert.deepEqual(first.told, ['snapshot 1', 'snapshot 2']);
  first.stream.open();
  connections().at(-1).send('snapshot', '4');
  assert.deepEqual([first.told.at(-1), second.told.at(-1)], ['snapshot 4', 'snapshot 4']);
  only();
});

test('a clock that was set back does not leave two leaders', () => {
  const [first, second] = two();
  now -= 3_600_000;
  first.stream.close();
  first.stream.open();
  connections().at(-1).send('snapshot', '6');
  assert.equal(second.told.at(-1), 'snapshot 6');
  only();
});

test('a browser without channels has a stream for each window', () => {
  channelsAre(undefined);
  channels.push({});
  open();
  open();
  assert.equal(connections().length, 2);
  for (const source of connections()) source.send('snapshot', '1');
  assert.deepEqual(windows.map(({ told }) => told), [['snapshot 1'], ['snapshot 1']]);
});
