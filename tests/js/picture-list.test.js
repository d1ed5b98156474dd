import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { askFor, PictureList, placeOf } from '../../webui/ui/static/js/picture-list.js';
import { image } from './values.js';

/** Picture 5 is newer than picture 4. */
const picture = (n) => image({ id: String(n), created: new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString() });
const page = (...numbers) => ({ images: numbers.map(picture), total: 9, complete: false });
const ids = (list) => list.images.map(({ id }) => id).join('');

/** A list that shows these. */
function listOf(...numbers) {
  const list = new PictureList();
  list.take(page(...numbers), true);
  return list;
}

describe('pages', () => {
  test('one after the other', () => {
    const list = listOf(9, 8, 7);
    assert.deepEqual(list.take({ ...page(6, 5), complete: true }, false).map(({ id }) => id), ['6', '5']);
    assert.deepEqual([ids(list), list.total, list.complete], ['98765', 9, true]);
  });

  test('a picture that is there already is not shown twice', () => {
    const list = listOf(9, 8);
    assert.deepEqual(list.take(page(8, 7), false).map(({ id }) => id), ['7']);
    assert.equal(ids(list), '987');
  });

  test('what was finished since the first page was asked for stays in front', () => {
    const list = listOf(7, 6);
    list.begin(false);
    list.add(picture(8));
    list.add(picture(9));
    list.take(page(8, 7, 6), true);
    assert.deepEqual([ids(list), list.total], ['9876', 10]);
  });

  test('a search has only what was found', () => {
    const list = listOf(7, 6);
    list.begin(true);
    list.add(picture(8));
    list.take(page(6), true);
    assert.deepEqual([ids(list), list.total], ['6', 9]);
  });
});

describe('changes', () => {
  test('a finished picture comes in front, once', () => {
    const list = listOf(7);
    assert.ok(list.add(picture(8)));
    assert.ok(!list.add(picture(8)));
    assert.deepEqual([ids(list), list.total, list.has('8'), list.has(null)], ['87', 10, true, false]);
  });

  test('one that is removed comes back where it was', () => {
    const list = listOf(9, 8, 7);
    assert.ok(list.remove(picture(8)));
    assert.deepEqual([ids(list), list.total], ['97', 8]);
    assert.ok(!list.remove(picture(8)));
    list.add(picture(10));
    assert.equal(list.putBack(picture(8)), 2);
    assert.deepEqual([ids(list), list.total], ['10987', 10]);
    assert.equal(list.putBack(picture(8)), -1);
  });

  test('one whose follower is gone comes back by its time', () => {
    const list = listOf(9, 8, 7, 6);
    list.remove(picture(8));
    list.remove(picture(7));
    assert.equal(list.putBack(picture(8)), 1);
    assert.equal(ids(list), '986');
    assert.equal(listOf(9, 7).putBack(picture(8)), 1, 'removed elsewhere');
  });

  test('in a search only what was removed from it comes back', () => {
    const list = listOf(9, 8);
    list.begin(true);
    list.take(page(8, 6), true);
    assert.equal(list.putBack(picture(9)), -1);
    list.remove(picture(6));
    assert.equal(list.putBack(picture(6)), 1);
  });
});

test('the place of a picture, newest first', () => {
  const list = [picture(9), picture(7)];
  assert.deepEqual([10, 8, 7, 1].map((n) => placeOf(picture(n), list)), [0, 1, 1, 2]);
});

describe('asking', () => {
  /** A server with `there` pictures. */
  const server = (there) => {
    const asked = [];
    const ask = (after, limit) => {
      asked.push([after, limit]);
      const from = after === '' ? 0 : Number(after) + 1;
      return Promise.resolve({ images: Array.from({ length: Math.max(Math.min(limit, there - from), 0) }, (_, n) => image({ id: String(from + n) })), total: there });
    };
    return { ask, asked };
  };

  test('many are asked for in several pages', async () => {
    const { ask, asked } = server(1000);
    const told = await askFor(ask, '', 450, 200);
    assert.deepEqual([told.images.length, told.images.at(-1).id, told.total, told.complete], [450, '449', 1000, false]);
    assert.deepEqual(asked, [['', 200], ['199', 200], ['399', 50]]);
  });

  test('until there are no more', async () => {
    const { ask, asked } = server(250);
    const told = await askFor(ask, '', 450, 200);
    assert.deepEqual([told.images.length, told.complete, asked.length], [250, true, 2]);
    assert.deepEqual((await askFor(ask, '249', 30, 200)), { images: [], total: 250, complete: true });
  });
});
