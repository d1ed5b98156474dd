import assert from 'node:assert/strict';
import { test } from 'node:test';

import { adopted, factorIn, named, ratioOf, restored, same, scaleBetween, sizeLike, sizeOf, sorted, sourceSize, unsaid, without } from '../../webui/ui/static/js/form-values.js';
import { image } from './values.js';

const SD1 = { width: 512, height: 512 }, SDXL = { width: 1024, height: 1024 }, TINY = { width: 256, height: 256 };
const form = (more = {}) => ({ names: ['prompt', 'seed', 'steps', 'checkpoint', 'strength'], defaults: { prompt: '', seed: -1, steps: 20, checkpoint: 'tiny', strength: 0.75 },
  shown: { prompt: '', seed: -1, steps: 20, checkpoint: null, strength: 0.75 }, labels: {}, folds: {}, native: { steps: 12 }, values: {}, ...more });

test('Gradio gives the values in order; an empty box is null only where it began as nothing', () => {
  assert.deepEqual(named(form(), ['an apple', 7, '', '', undefined]), { prompt: 'an apple', seed: 7, steps: '', checkpoint: null, strength: null });
  assert.deepEqual(named(form(), ['', 7], ['checkpoint', 'seed']), { checkpoint: null, seed: 7 });
});

test('a number and its text are the same value, and so are the kinds of nothing', () => {
  for (const [a, b] of [[1, '1'], [null, ''], [undefined, null]]) assert.ok(same(a, b));
  for (const [a, b] of [[0, ''], [1, 2], [false, null]]) assert.ok(!same(a, b));
});

test('the start: what is remembered, else the default, but never over what was typed already', () => {
  const old = { prompt: 'old', seed: '18446744073709551615' };
  assert.deepEqual(restored(form(), old, ['', -1, 20, null, 0.75]), ['old', '18446744073709551615', 20, 'tiny', 0.75]);
  assert.deepEqual(restored(form(), old, ['typed', '-1', 20, null, 0.75]), ['typed', '18446744073709551615', 20, 'tiny', 0.75]);
  assert.deepEqual(restored(form(), { checkpoint: null }, ['', -1, 20, null, 0.75])[3], null, 'remembered as nothing is no default');
});

test('what a picture does not say is as in an untouched form, the checkpoint stays', () => {
  assert.deepEqual(unsaid(form(), 'img2img'), { prompt: '', seed: -1, steps: 12, strength: 0.75 });
  assert.deepEqual(unsaid(form(), 'txt2img'), { prompt: '', seed: -1, steps: 12 }, 'the strength is of the other tabs');
  assert.deepEqual(unsaid(form({ names: ['soft_inpaint.contrast', 'batch_size', 'dtype', 'hires.scale'], shown: { 'hires.scale': 2 } }), 'txt2img'), { 'hires.scale': 2 });
});

test('values of a picture are sorted into those that the form has and those that it has not', () => {
  const found = sorted(form(), { prompt: 'x', checkpoint: null, strength: null, mode: 'img2img', init: 'i', wobble: 3 });
  assert.deepEqual(found, { known: { prompt: 'x', strength: null }, unknown: ['wobble'] });
});

test('another checkpoint brings its own values where nothing was changed', () => {
  const old = { width: 512, height: 512, steps: 20, sampler: 'Euler' }, own = { width: 1024, height: 512, steps: 4, sampler: 'LCM' };
  assert.deepEqual(adopted({ ...old, prompt: 'x' }, old, own, []), { width: 1024, steps: 4, sampler: 'LCM' });
  assert.deepEqual(adopted({ ...old, steps: 33 }, old, own, ['sampler']), { width: 1024 });
});

test('an aspect preset has as many pixels as the checkpoint was made for', () => {
  assert.deepEqual(sizeOf(SD1, '1:1'), [512, 512]);
  assert.deepEqual(sizeOf(SD1, '3:2'), [640, 416]);
  assert.deepEqual(sizeOf(SD1, '2:3'), [416, 640]);
  assert.deepEqual(sizeOf(SDXL, '16:9'), [1376, 768]);
  assert.deepEqual(sizeOf(TINY, '4:3'), [288, 224]);
  assert.deepEqual(sizeOf({}, '1:1'), [512, 512]);
});

test('each preset is known by its size, and no other size has one', () => {
  for (const native of [SD1, SDXL, TINY, { width: 768, height: 512 }])
    for (const name of ['1:1', '4:3', '3:2', '16:9', '3:4', '2:3', '9:16']) assert.equal(ratioOf(native, ...sizeOf(native, name)), name);
  assert.equal(ratioOf(SD1, 512, 520), null);
  assert.equal(ratioOf(SD1, null, 512), null);
});

test('the form takes a shape in steps of 8, within what a request allows', () => {
  assert.deepEqual(sizeLike({ width: 515, height: 1001 }), { width: 512, height: 1000 });
  assert.deepEqual(sizeLike({ width: 8000, height: 4000 }), { width: 4096, height: 2048 });
  assert.deepEqual(sizeLike({ width: 20, height: 4000 }), { width: 64, height: 4000 });
  assert.deepEqual(sizeLike({ width: 1000, height: 500 }, 0.5), { width: 504, height: 248 });
});

test('only a large upload is shrunk to the area that the checkpoint was made for', () => {
  assert.deepEqual(sourceSize(SD1, image({ width: 1024, height: 1024 })), { width: 1024, height: 1024, shrunk: false });
  assert.deepEqual(sourceSize(SD1, image({ kind: 'upload', width: 700, height: 700 })), { width: 704, height: 704, shrunk: false });
  assert.deepEqual(sourceSize(SD1, image({ kind: 'upload', width: 4000, height: 3000 })), { width: 592, height: 440, shrunk: true });
});

test('values without some', () => assert.deepEqual(without({ a: 1, b: 2, c: 3 }, 'b', 'z'), { a: 1, c: 3 }));

test('a picture is resized by a factor, and its factor is known again', () => {
  assert.deepEqual(['1,5', ' 2 ', '0.2', '5', 'x', ''].map(factorIn), [1.5, 2, null, null, null, null]);
  assert.deepEqual(sizeLike({ width: 512, height: 640 }, 1.5), { width: 768, height: 960 });
  assert.equal(scaleBetween({ width: 512, height: 640 }, 768, 960), 1.5);
  assert.equal(scaleBetween({ width: 500, height: 333 }, 504, 336), 1.01);
  assert.equal(scaleBetween({ width: 512, height: 640 }, 512, 512), null);
  assert.equal(scaleBetween({ width: 512, height: 640 }, null, null), null);
});
