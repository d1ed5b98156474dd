import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FITTED, fitOf, gestureOf, hasHardPixels, moved, percentOf, pinched, scaleOf, seenPart, zoomed } from '../../webui/ui/static/js/zoom-place.js';

const frame = { width: 1000, height: 600 };
const picture = { width: 500, height: 600 };
const large = { width: 2000, height: 3000 };

/** The point of the picture that is at a point of the frame. */
const under = (place, at, of) => ['x', 'y'].map((axis) => (at[axis] - place[axis]) / scaleOf(place, frame, of));

test('a picture fits by its longer side, and a small one is enlarged', () => {
  assert.equal(fitOf(frame, picture), 1);
  assert.equal(fitOf(frame, large), 0.2);
  assert.equal(fitOf(frame, { width: 100, height: 100 }), 6);
  assert.equal(percentOf(FITTED, frame, large), 'Fit · 20 %');
});

test('what is under the pointer stays there', () => {
  const at = { x: 120, y: -200 };
  let place = FITTED;
  for (const scale of [1.4, 2.2, 5, 3]) {
    const before = under(place, at, picture);
    place = zoomed(place, scale, frame, picture, at);
    under(place, at, picture).forEach((value, n) => assert.ok(Math.abs(value - before[n]) < 1e-9));
  }
  assert.equal(percentOf(place, frame, picture), '300 %');
});

test('back to its own frame it is fitted, wherever it was', () => {
  const place = zoomed(zoomed(FITTED, 4, frame, picture, { x: 200, y: 100 }), 1.001, frame, picture, { x: -300, y: 0 });
  assert.deepEqual(place, FITTED);
});

test('scales have ends; real pixels may be smaller than the frame', () => {
  assert.equal(zoomed(FITTED, 100, frame, large).scale, 8);
  assert.equal(zoomed(FITTED, 0.001, frame, large).scale, 0);
  const small = { width: 100, height: 100 };
  assert.deepEqual(zoomed(FITTED, 1, frame, small, { x: 80, y: 80 }), { scale: 1, x: 0, y: 0 });
  assert.equal(zoomed(FITTED, 100, frame, small).scale, 24);
});

test('it is moved only as far as there is something to see', () => {
  assert.deepEqual(moved(FITTED, { x: 50, y: 50 }, frame, large), FITTED);
  const place = moved(zoomed(FITTED, 2, frame, picture), { x: 9999, y: -10 }, frame, picture);
  assert.deepEqual(place, { scale: 2, x: 250, y: -10 });
});

test('two fingers zoom where they are and take the picture along', () => {
  const place = pinched(FITTED, [{ x: -50, y: 0 }, { x: 50, y: 0 }], [{ x: -90, y: 20 }, { x: 110, y: 20 }], frame, picture);
  assert.deepEqual(place, { scale: 2, x: 10, y: 20 });
});

test('the map shows which part is seen', () => {
  assert.equal(seenPart(FITTED, frame, picture), null);
  const part = seenPart({ scale: 2, x: 250, y: 0 }, frame, picture);
  assert.deepEqual(part, { left: -0.25, top: 0.25, width: 1, height: 0.5 });
});

test('large pixels have hard edges', () => assert.deepEqual([2.9, 3].map(hasHardPixels), [false, true]));

test('what a finger means', () => {
  const told = [[0, 3], [-90, 20], [90, -40], [10, 120], [30, 40], [0, -120]].map(([x, y]) => gestureOf({ x, y }));
  assert.deepEqual(told, ['tap', 'next', 'previous', 'away', null, null]);
});
