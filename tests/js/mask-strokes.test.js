import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { bounded, edgeOf, hasGreys, pinch, Strokes } from '../../webui/ui/static/js/mask-strokes.js';

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

describe('looking', () => {
  test('a view stays within its bounds, and what is not enlarged is not shifted', () => {
    assert.deepEqual(bounded(2, [5, 6]), { zoom: 2, shift: [5, 6] });
    assert.deepEqual(bounded(0.5, [5, 6]), { zoom: 1, shift: [0, 0] });
    assert.deepEqual(bounded(99, [5, 6]), { zoom: 8, shift: [5, 6] });
  });

  test('two fingers enlarge by how far they part, and move what is between them', () => {
    const fingers = pinch({ zoom: 2, shift: [10, 0] }, [0, 0], [10, 0]);
    assert.deepEqual(fingers([0, 0], [10, 0]), { zoom: 2, shift: [10, 0] });
    assert.deepEqual(fingers([-5, 0], [15, 0]), { zoom: 4, shift: [10, 0] });
    assert.deepEqual(fingers([7, 3], [17, 3]), { zoom: 2, shift: [17, 3] });
    assert.deepEqual(fingers([0, 0], [5, 0]), { zoom: 1, shift: [7.5, 0] });
  });
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
