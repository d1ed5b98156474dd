import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { besides, boxesOf, ratioOf, rowBelow, rowsOf, rowWith } from '../../webui/ui/static/js/sheet-rows.js';

const GAP = 8;
const measures = { width: 1000, height: 200, gap: GAP, head: 0 };
const shapes = (...ratios) => ratios.map((ratio) => ({ width: ratio, height: 1 }));
const spans = (rows) => rows.map(({ from, to }) => [from, to]);

describe('rows', () => {
  test('are filled evenly, to the width', () => {
    const many = shapes(...Array.from({ length: 11 }, () => 1));
    const { rows } = rowsOf(many, measures);
    assert.deepEqual(spans(rows), [[0, 5], [5, 11]]);
    for (const row of rows) {
      const last = boxesOf(many, row, GAP).at(-1);
      assert.ok(last && Math.abs(last.left + last.width - 1000) <= 1);
    }
  });

  test('few pictures keep the wished height, and a wide one fits', () => {
    assert.deepEqual(rowsOf(shapes(1, 1), measures).rows.map(({ height }) => height), [200]);
    const { rows } = rowsOf(shapes(4), { ...measures, width: 300 });
    assert.deepEqual(boxesOf(shapes(4), rows[0], GAP), [{ left: 0, top: 0, width: 300, height: 75 }]);
  });

  test('every picture is in one row, whatever their formats', () => {
    for (let count = 1; count < 60; count++) {
      const some = shapes(...Array.from({ length: count }, (_, n) => [0.1, 0.5, 1, 1.5, 3, 9][(n * 7 + count) % 6]));
      const { rows, height } = rowsOf(some, measures);
      assert.deepEqual(rows.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, n) => from + n)), some.map((_, n) => n));
      assert.ok(rows.every((row) => row.height <= 320 && boxesOf(some, row, GAP).every(({ left, width }) => left + width <= 1001)));
      assert.ok(Math.abs((rows.at(-1)?.top ?? 0) + (rows.at(-1)?.height ?? 0) - height) < 1e-6);
    }
    assert.deepEqual(rowsOf([], measures), { rows: [], height: 0 });
  });

  test('heads stand above groups', () => {
    const some = shapes(1, 1, 1, 1).map((shape, n) => ({ ...shape, begins: n === 0 || n === 3 }));
    assert.deepEqual(rowsOf(some, { ...measures, head: 40 }).rows.map(({ top, from, to, head }) => [top, from, to, head]), [[0, 0, 0, true], [40, 0, 3, false], [248, 3, 3, true], [288, 3, 4, false]]);
    assert.equal(rowsOf(some, measures).rows.length, 1);
  });

  test('a hundred thousand are laid out', () => {
    const { rows } = rowsOf(shapes(...Array.from({ length: 100_000 }, (_, n) => 0.5 + (n % 7) / 4)), measures);
    assert.equal(rows.at(-1)?.to, 100_000);
    const at = rowWith(rows, 77_777);
    assert.ok((rows[at]?.from ?? 0) <= 77_777 && 77_777 < (rows[at]?.to ?? 0));
    assert.equal(rowBelow(rows, rows[at]?.top ?? 0), at);
  });
});

test('formats have bounds', () => {
  assert.deepEqual([{ width: 100, height: 1 }, { width: 1, height: 100 }, {}, { width: 3, height: 2 }].map(ratioOf), [4, 0.3, 1, 1.5]);
});

test('the picture above and below', () => {
  const some = shapes(1, 1, 1, 1, 1, 1, 1, 1, 2, 2).map((shape, n) => ({ ...shape, begins: n % 8 === 0 }));
  const { rows } = rowsOf(some, { ...measures, width: 820, head: 40 });
  assert.deepEqual(spans(rows), [[0, 0], [0, 4], [4, 8], [8, 8], [8, 10]]);
  assert.deepEqual([0, 3].map((n) => besides(some, rows, n, 1, GAP)), [4, 7]);
  assert.deepEqual([4, 7, 8, 9].map((n) => besides(some, rows, n, 1, GAP)), [8, 9, 8, 9]);
  assert.deepEqual([8, 9, 1].map((n) => besides(some, rows, n, -1, GAP)), [4, 6, 1]);
});

test('of a folded group only its head stands there', () => {
  const three = [{ width: 1, height: 1, begins: true }, { width: 1, height: 1 }, { width: 1, height: 1, begins: true }];
  const { rows, height } = rowsOf(three, { ...measures, head: 40, folded: (from) => from === 0 });
  assert.deepEqual(rows.map(({ top, from, to, head }) => [top, from, to, head]), [[0, 0, 0, true], [40, 2, 2, true], [80, 2, 3, false]]);
  assert.equal(height, 280);
  assert.deepEqual([rowWith(rows, 0), rowWith(rows, 1), rowWith(rows, 2)], [-1, -1, 2]);
});
