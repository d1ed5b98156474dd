import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Selection } from '../../webui/ui/static/js/selection.js';

const order = ['a', 'b', 'c', 'd', 'e'];

test('one by one, and a range from the last', () => {
  const chosen = new Selection();
  assert.ok(chosen.empty);
  chosen.toggle('b');
  chosen.reach('d', order);
  assert.deepEqual([...chosen.ids], ['b', 'c', 'd']);
  chosen.toggle('c');
  chosen.reach('a', order);
  assert.deepEqual([...chosen.ids].sort(), ['a', 'b', 'c', 'd']);
  assert.deepEqual(chosen.named('x', 'pictures'), { ids: [...chosen.ids] });
});

test('a range without a beginning is one', () => {
  const chosen = new Selection();
  chosen.reach('c', order);
  assert.deepEqual([...chosen.ids], ['c']);
  chosen.reach('gone', order);
  assert.ok(chosen.has('gone'));
});

test('of a range only what was read is chosen', () => {
  const chosen = new Selection();
  chosen.toggle('a');
  chosen.reach('c', ['a', '', 'c']);
  assert.deepEqual([[...chosen.ids], chosen.anchor], [['a', 'c'], 'a']);
});

test('all that is found, but for some', () => {
  const chosen = new Selection();
  chosen.everything();
  assert.equal(chosen.count(1000), 1000);
  assert.ok(chosen.has('anything'));
  assert.deepEqual(chosen.named('owl', 'bin'), { q: 'owl', place: 'bin', without: [] });
  chosen.toggle('b');
  chosen.toggle('d');
  assert.equal(chosen.count(1000), 998);
  assert.ok(!chosen.has('b') && chosen.has('a'));
  assert.deepEqual(chosen.named('owl', 'bin'), { q: 'owl', place: 'bin', without: ['b', 'd'] });
  chosen.reach('b', order);
  assert.equal(chosen.count(1000), 1000);
  chosen.toggle('b');
  chosen.drop('b');
  assert.equal(chosen.count(999), 999);
  chosen.clear();
  assert.ok(chosen.empty && !chosen.has('a'));
});
