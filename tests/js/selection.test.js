import { test } from 'node:test';
import assert from 'node:assert/strict';
import { Selection } from '../../webui/ui/static/js/selection.js';

const order = ['a', 'b', 'c', 'd', 'e'];

test('one by one, and a range from the last', () => {
  const chosen = new Selection();
  assert.ok(chosen.empty);
  chosen.toggle('b', order);
  chosen.reach('d', order);
  assert.deepEqual([...chosen.ids], ['b', 'c', 'd']);
  chosen.toggle('c', order);
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

test('all that is found, and all but one of what was read', () => {
  const chosen = new Selection();
  chosen.everything();
  assert.equal(chosen.count(1000), 1000);
  assert.ok(chosen.has('anything'));
  assert.deepEqual(chosen.named('owl', 'bin'), { q: 'owl', place: 'bin' });
  chosen.toggle('b', order);
  assert.equal(chosen.count(1000), 4);
  assert.ok(!chosen.has('b') && chosen.has('a'));
  chosen.drop('a');
  assert.equal(chosen.count(1000), 3);
  chosen.clear();
  assert.ok(chosen.empty);
});
