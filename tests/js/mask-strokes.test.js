import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Accepted, boxOf, edgeOf, hasColour, hasGreys, Strokes } from '../../webui/ui/static/js/mask-strokes.js';

const INVERT = { kind: 'invert' }, CLEAR = { kind: 'clear' };
const kinds = (acts) => acts.map(({ kind }) => kind).join(' ');

/** A list with one finished stroke for each of these kinds. */
function painted(...names) {
  const strokes = new Strokes();
  for (const name of names) {
    strokes.begin(name, 8, [1, 1]);
    strokes.lift();
  }
  return strokes;
}

describe('painting', () => {
  test('a stroke has all points, and each move gives the piece to be painted', () => {
    const strokes = new Strokes();
    assert.deepEqual(strokes.begin('brush', 8, [1, 2]), { kind: 'brush', size: 8, soft: 0, points: [[1, 2], [1, 2]] });
    assert.deepEqual(strokes.extend([3, 4]), { kind: 'brush', size: 8, soft: 0, points: [[1, 2], [3, 4]] });
    assert.deepEqual(strokes.extend([5, 6]).points, [[3, 4], [5, 6]]);
    assert.deepEqual(strokes.done, []);
    assert.ok(strokes.lift());
    assert.deepEqual(strokes.done[0].points, [[1, 2], [1, 2], [3, 4], [5, 6]]);
  });

  test('a pointer that is not down paints nothing', () => {
    const strokes = new Strokes();
    assert.equal(strokes.extend([1, 1]), null);
    assert.ok(!strokes.lift());
    assert.ok(!strokes.finish());
  });

  test('the first of two fingers has painted nothing', () => {
    const strokes = painted('brush');
    strokes.begin('eraser', 8, [1, 1]);
    strokes.drop();
    assert.ok(!strokes.lift());
    assert.equal(kinds(strokes.done), 'brush');
  });

  test('another picture begins with nothing', () => {
    const strokes = painted('brush', 'eraser');
    strokes.undo();
    strokes.begin('brush', 8, [1, 1]);
    strokes.reset();
    assert.deepEqual([strokes.done, strokes.undone, strokes.current], [[], [], null]);
  });
});

describe('undo and redo', () => {
  test('there and back again', () => {
    const strokes = painted('brush', 'eraser');
    strokes.push(INVERT);
    assert.ok(strokes.undo() && strokes.undo());
    assert.deepEqual([kinds(strokes.done), kinds(strokes.undone)], ['brush', 'invert eraser']);
    assert.ok(strokes.redo());
    assert.deepEqual([kinds(strokes.done), kinds(strokes.undone)], ['brush eraser', 'invert']);
  });

  test('nothing to take back', () => {
    const strokes = new Strokes();
    assert.ok(!strokes.undo() && !strokes.redo());
  });

  test('what is done after an undo takes the place of what was undone', () => {
    for (const act of [(strokes) => strokes.push(CLEAR), (strokes) => { strokes.begin('brush', 8, [1, 1]); strokes.lift(); }]) {
      const strokes = painted('brush', 'eraser');
      strokes.undo();
      act(strokes);
      assert.deepEqual([strokes.done.length, strokes.undone], [2, []]);
    }
  });

  test('a key in the midst of a stroke ends it: undo takes that stroke back, an act comes after it', () => {
    const strokes = painted('eraser');
    strokes.begin('brush', 8, [1, 1]);
    assert.ok(strokes.undo());
    assert.deepEqual([kinds(strokes.done), kinds(strokes.undone), strokes.current], ['eraser', 'brush', null]);
    strokes.begin('brush', 8, [1, 1]);
    strokes.push(INVERT);
    assert.equal(kinds(strokes.done), 'eraser brush invert');
  });
});

describe('pictures that were accepted', () => {
  test('undo leads back to the picture before with all that was done on it, and redo forth again', () => {
    const strokes = painted('brush', 'eraser'), accepted = new Accepted();
    strokes.undo();
    accepted.accept({ picture: 'first', kept: strokes.keep() });
    strokes.reset();
    const first = accepted.back({ picture: 'second', kept: strokes.keep() });
    strokes.take(first.kept);
    assert.deepEqual([first.picture, kinds(strokes.done), kinds(strokes.undone)], ['first', 'brush', 'eraser']);
    assert.equal(accepted.back({ picture: 'first', kept: strokes.keep() }), null);
    const second = accepted.forth({ picture: 'first', kept: strokes.keep() });
    assert.deepEqual([second.picture, second.kept.done, accepted.before.length, accepted.after.length], ['second', [], 1, 0]);
  });

  test('what is done after going back takes the place of what came later', () => {
    const accepted = new Accepted();
    accepted.accept(1);
    accepted.back(2);
    accepted.settle();
    assert.equal(accepted.forth(1), null);
    accepted.accept(3);
    accepted.reset();
    assert.equal(accepted.back(4), null);
  });
});

test('undo tells what it took back, so that edges go back too', () => {
  const strokes = painted('brush'), pull = { kind: 'sides', from: { left: 0 }, to: { left: 64 } };
  strokes.push(pull);
  assert.equal(strokes.undo(), pull);
  assert.equal(strokes.redo(), pull);
});

test('colour: whether there is any since all was cleared, its greys, and the box around a stroke', () => {
  const strokes = new Strokes();
  assert.deepEqual(strokes.begin('colour', 10, [20, 30], 0.5, '#ff0000'), { kind: 'colour', size: 10, soft: 0.5, colour: '#ff0000', points: [[20, 30], [20, 30]] });
  strokes.extend([40, 30]);
  strokes.lift();
  assert.deepEqual(boxOf(strokes.done[0]), [15, 25, 45, 35]);
  assert.ok(hasColour(strokes.done) && hasGreys(strokes.done));
  strokes.push(CLEAR);
  assert.ok(!hasColour(strokes.done));
});

test('a soft stroke is as wide as a hard one, and has greys', () => {
  assert.deepEqual(edgeOf({ size: 40, soft: 0 }), { width: 40, blur: 0 });
  const { width, blur } = edgeOf({ size: 40, soft: 1 });
  assert.ok(width < 40 && blur > 0 && width + 2 * blur >= 40);
  const strokes = new Strokes();
  strokes.begin('brush', 10, [0, 0]);
  strokes.lift();
  strokes.begin('eraser', 10, [0, 0], 1);
  strokes.lift();
  assert.equal(hasGreys(strokes.done), false);
  strokes.begin('brush', 10, [0, 0], 0.5);
  strokes.lift();
  assert.equal(hasGreys(strokes.done), true);
});
