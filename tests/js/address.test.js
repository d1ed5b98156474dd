import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';

/** A browser's history, as far as the page uses it: going back takes a while. */
class Window {
  entries = [{ hash: '', state: null }];
  at = 0;
  backs = 0;

  get hash() { return this.entries[this.at].hash; }
  get state() { return this.entries[this.at].state; }
  pushState(state, _, hash) { this.entries = [...this.entries.slice(0, this.at + 1), { hash, state }]; this.at += 1; }
  replaceState(state, _, hash) { this.entries[this.at] = { hash, state }; }
  back() { this.backs += 1; }

  /** The step back that was asked for is done. */
  arrive() {
    this.at -= 1;
    popped();
  }
}

let page, popped, address, arrivals;
beforeEach(async () => {
  mock.timers.reset();
  mock.timers.enable({ apis: ['setTimeout'] });
  page = new Window();
  arrivals = 0;
  globalThis.location = page;
  globalThis.history = page;
  globalThis.addEventListener = (name, listener) => { if (name === 'popstate') popped = listener; };
  address = await import(`../../webui/ui/static/js/address.js?${Math.random()}`);  // each test its own page
  address.watchAddress(() => { arrivals += 1; });
});
const hashes = () => page.entries.map(({ hash }) => hash);

test('addresses of tabs, pictures and comparisons', async () => {
  const { compareAddress, placeAt, pictureAddress } = await import('../../webui/ui/static/js/address.js');
  const at = (tab, picture = null, compare = []) => ({ tab, picture, compare });
  assert.deepEqual(placeAt(''), at('txt2img'));
  assert.deepEqual(placeAt('#queue'), at('queue'));
  assert.deepEqual(placeAt('#picture/abc'), at('gallery', 'abc'));
  assert.deepEqual(placeAt('#picture/'), at('picture'));
  assert.deepEqual(placeAt('#%'), at('%'), 'typed by hand');
  assert.deepEqual(placeAt(pictureAddress('a/b ü%')), at('gallery', 'a/b ü%'));
  assert.deepEqual(placeAt(compareAddress(['a', 'b/ü'])), at('gallery', null, ['a', 'b/ü']));
  assert.deepEqual(placeAt('#compare/a'), at('compare'), 'one alone is compared with nothing');
});

test('visits are steps, except in place of the present one', () => {
  address.visit('#queue');
  address.visit('#queue');
  address.visit('#gallery');
  address.visit('#picture/1', { instead: true });
  assert.deepEqual(hashes(), ['', '#queue', '#picture/1']);
  assert.deepEqual(address.here(), { tab: 'gallery', picture: '1', compare: [] });
});

test('leaving a picture goes back to where one came from', () => {
  address.visit('#gallery');
  address.visit('#picture/1');
  address.leaveFor('#gallery');
  assert.equal(page.backs, 1);
  page.arrive();
  assert.deepEqual([page.hash, page.entries.length, arrivals], ['#gallery', 3, 0]);
});

test('a page that began at the picture has nothing to go back to', () => {
  page.entries[0].hash = '#picture/1';
  address.leaveFor('#gallery');
  assert.deepEqual([page.backs, hashes()], [0, ['#gallery']]);
});

test('what is asked for on the way back is done when back is reached', () => {
  address.visit('#gallery');
  address.visit('#picture/1');
  address.leaveFor('#gallery');
  address.visit('#txt2img');
  assert.equal(page.hash, '#picture/1');
  page.arrive();
  assert.deepEqual(hashes(), ['', '#gallery', '#txt2img']);
});

test('a browser that does not go back is not waited for', () => {
  address.visit('#picture/1');
  address.leaveFor('#gallery');
  address.visit('#queue');
  mock.timers.tick(1000);
  assert.equal(page.hash, '#queue');
});

test('Back and Forward by hand are told', () => {
  address.visit('#queue');
  page.arrive();
  assert.equal(arrivals, 1);
});
