import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { layoutOf, PictureList, placeOf } from '../../webui/ui/static/js/picture-list.js';
import { image } from './values.js';

/** Picture 5 is newer than picture 4. */
const picture = (n) => image({ id: String(n), created: new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString() });
const page = (...numbers) => ({ images: numbers.map(picture), total: 9, complete: false });
const ids = (list) => list.images.map(({ id }) => id).join('');

/** A list that shows these. */
function listOf(...numbers) {
  const list = new PictureList();
  list.take(page(...numbers));
  return list;
}

/** Where pictures with these numbers stand, as the server packs it; a session begins with those of `begins`. */
function packed(numbers, begins = []) {
  const view = new DataView(new ArrayBuffer(4 + 7 * numbers.length));
  view.setUint32(0, numbers.length, true);
  numbers.forEach((number, n) => {
    view.setInt32(4 + 4 * n, number - (numbers[n - 1] ?? 0), true);
    view.setUint16(4 + 4 * numbers.length + 2 * n, 1500, true);
    view.setUint8(4 + 6 * numbers.length + n, Number(begins.includes(number)));
  });
  return view.buffer;
}

const numbered = (n, session = 1) => ({ ...picture(n), number: n, session });
const numbers = (list) => list.images.map(({ number }) => number);

describe('the first page', () => {
  test('what was finished since it was asked for stays in front', () => {
    const list = listOf(7, 6);
    list.begin(false);
    list.add(picture(8));
    list.add(picture(9));
    list.take(page(8, 7, 6));
    assert.deepEqual([ids(list), list.total], ['9876', 10]);
  });

  test('a search has only what was found', () => {
    const list = listOf(7, 6);
    list.begin(true);
    list.add(picture(8));
    list.take(page(6));
    assert.deepEqual([ids(list), list.total], ['6', 9]);
  });

  test('a picture that is known stays the same object, with what was told anew', () => {
    const list = listOf(7, 6);
    const [, kept] = list.images;
    list.begin(false);
    list.take({ ...page(), images: [{ ...picture(6), rating: 4 }] });
    assert.ok(list.images[0] === kept && kept?.rating === 4);
  });
});

describe('where all stand', () => {
  test('the layout is read as it is packed', () => {
    assert.deepEqual(layoutOf(packed([9, 7, 8], [9, 8])), [[9, true], [7, false], [8, true]].map(([number, begins]) => ({ number, ratio: 1.5, begins })));
    assert.deepEqual(layoutOf(packed([])), []);
  });

  test('those that were read stay, the others have a place', () => {
    const list = new PictureList();
    list.take({ images: [numbered(9), numbered(8, 2)], total: 4, complete: false });
    const [first] = list.images;
    list.spread(layoutOf(packed([9, 8, 7, 5], [9, 8, 5])));
    assert.deepEqual([numbers(list), list.total, list.complete], [[9, 8, 7, 5], 4, true]);
    assert.ok(list.images[0] === first);
    assert.deepEqual(list.images.map(({ id, begins }) => [id, begins]), [['9', true], ['8', true], ['', false], ['', true]]);
    assert.deepEqual([list.has(''), list.indexOf(7), list.indexOf(undefined), list.indexOf(4)], [false, 2, -1, -1]);
  });

  test('a picture that was finished meanwhile is there once', () => {
    const list = new PictureList();
    list.begin(false);
    list.add(numbered(9));
    list.add(numbered(10));
    list.take({ images: [numbered(8)], total: 1, complete: false });
    list.spread(layoutOf(packed([9, 8, 7], [9])));
    assert.deepEqual([numbers(list), list.total], [[10, 9, 8, 7], 4]);
  });

  test('records fill their places; what is not told is not there any more', () => {
    const list = new PictureList();
    list.spread(layoutOf(packed([9, 8, 7, 5], [9])));
    assert.deepEqual([list.missing(-5, 2), list.missing(2, 99)], [[9, 8], [7, 5]]);
    const places = [...list.images];
    list.fill([numbered(9), numbered(7)], [9, 8, 7]);
    assert.deepEqual([numbers(list), ids(list), list.total, list.missing(0, 9)], [[9, 7, 5], '97', 3, [5]]);
    assert.ok(list.images[1] === places[2]);
  });

  test('asked for anew, all records are out of date', () => {
    const list = listOf(9, 8);
    list.images.forEach((each) => { each.number = Number(each.id); });
    assert.deepEqual(list.missing(0, 9), []);
    list.begin(false);
    assert.deepEqual(list.missing(0, 9), [9, 8]);
  });

  test('records far from what is looked at are let go', () => {
    const many = Array.from({ length: 6000 }, (_, n) => 6000 - n);
    const list = new PictureList();
    list.spread(layoutOf(packed(many)));
    list.fill(many.map((n) => numbered(n)), many);
    list.trim(3000, 3050);
    assert.deepEqual([list.images.filter(({ id }) => id).length, list.images[1999]?.id, list.images[2000]?.id, list.images.length], [2050, '', '4000', 6000]);
    list.trim(0, 50);
    assert.equal(list.images.filter(({ id }) => id).length, 2050, 'few enough');
  });

  test('heads go with the first picture of a session', () => {
    const list = new PictureList();
    list.take({ images: [numbered(9), numbered(8, 2), numbered(7, 2), numbered(6, 0)], total: 4, complete: true });
    const begun = () => list.images.map(({ number, begins }) => (begins ? number : 0));
    assert.deepEqual(begun(), [9, 8, 0, 0]);
    const gone = { ...list.images[1] };
    list.remove(gone);
    assert.deepEqual(begun(), [9, 7, 0]);
    list.putBack(gone);
    assert.deepEqual(begun(), [9, 8, 0, 0]);
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
    list.take(page(8, 6));
    assert.equal(list.putBack(picture(9)), -1);
    list.remove(picture(6));
    assert.equal(list.putBack(picture(6)), 1);
  });
});

test('the place of a picture, newest first', () => {
  const list = [picture(9), picture(7)];
  assert.deepEqual([10, 8, 7, 1].map((n) => placeOf(picture(n), list)), [0, 1, 1, 2]);
});
