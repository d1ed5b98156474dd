import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { below, changedAt, fitted, isAlone, layerOf, moved, scaled, shifted, WHOLE, without } from '../../webui/ui/static/js/canvas-layers.js';

const names = (layers) => layers.map(({ name }) => name).join('');
const LAYERS = ['a', 'b', 'c'].map((name) => layerOf(`${name}1`, name));
const near = (part, wanted) => part.forEach((each, n) => assert.ok(Math.abs(each - wanted[n]) < 1e-9, `${part} is not ${wanted}`));

describe('the list', () => {
  test('an order, a change and a removal give other lists and leave this one', () => {
    assert.equal(names(moved(LAYERS, 0, 1)), 'bac');
    assert.equal(names(moved(LAYERS, 2, -2)), 'cab');
    assert.equal(names(moved(LAYERS, 2, 5)), 'abc');
    assert.equal(names(without(LAYERS, 1)), 'ac');
    assert.equal(changedAt(LAYERS, 1, { opacity: 0.5 })[1].opacity, 0.5);
    assert.equal(names(LAYERS), 'abc');
    assert.equal(LAYERS[1].opacity, 1);
  });
});

describe('where a picture lies', () => {
  test('it is as large as the canvas allows, in its middle', () => {
    near(fitted({ width: 100, height: 100 }, { width: 200, height: 100 }), [0.25, 0, 0.5, 1]);
    near(fitted({ width: 100, height: 50 }, { width: 64, height: 64 }), [0, 0.25, 1, 0.5]);
  });
  test('it grows around its middle and moves', () => {
    near(scaled([0, 0, 1, 0.5], 0.5), [0.25, 0.125, 0.5, 0.25]);
    near(shifted(WHOLE, 0.1, -0.2), [0.1, -0.2, 1, 1]);
  });
  test('below a result with new sides it stays where it was', () => {
    const [layer] = below([layerOf('a', 'a')], { width: 96, height: 64 }, { left: 32, right: 0, top: 0, bottom: 64 }, { width: 256, height: 256 });
    near(layer.part, [0.25, 0, 0.75, 0.5]);
  });
  test('below a result of another format it keeps its own', () => {
    const [layer] = below([layerOf('a', 'a')], { width: 100, height: 50 }, { left: 0, right: 0, top: 0, bottom: 0 }, { width: 64, height: 64 });
    near(layer.part, [0, 0.25, 1, 0.5]);
  });
});

describe('what is sent', () => {
  const start = layerOf('s', 'start');
  test('the start picture, while nothing else is seen', () => {
    assert.ok(isAlone([start], 's'));
    assert.ok(isAlone([layerOf('x', 'x', { seen: false }), start, layerOf('y', 'y', { opacity: 0 })], 's'));
  });
  test('a result covers what is below it, an uploaded picture may be transparent', () => {
    assert.ok(isAlone([layerOf('x', 'x'), { ...start, solid: true }], 's'));
    assert.ok(!isAlone([layerOf('x', 'x'), start], 's'));
  });
  test('more than that is put together', () => {
    assert.ok(!isAlone([start, layerOf('x', 'x')], 's'));
    assert.ok(!isAlone([{ ...start, opacity: 0.5 }], 's'));
    assert.ok(!isAlone([{ ...start, seen: false }], 's'));
    assert.ok(!isAlone([{ ...start, part: [0, 0, 0.5, 0.5] }], 's'));
  });
});
