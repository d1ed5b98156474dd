import assert from 'node:assert/strict';
import { test } from 'node:test';

import { changed, chainWords, moved, newStep, readSteps, valueIn, withStep, writeSteps } from '../../webui/ui/static/js/finish-steps.js';

const field = (name, value, kind = 'number') => ({ name, value, kind, label: name, info: '', choices: [], low: null, high: null, step: null, names: '' });
const GRAIN = { kind: 'grain', name: '', title: 'Film grain', fields: [field('amount', 0.2)] };
const FRAME = { kind: 'extension', name: 'frame', title: 'Frame', fields: [field('width', 16)] };
const COLOURS = { kind: 'match_colors', name: '', title: 'Match colours', fields: [field('image', null, 'picture')] };

test('a new step has what is usual; an extension\'s has it among its values', () => {
  assert.deepEqual(newStep(GRAIN), { kind: 'grain', amount: 0.2 });
  assert.deepEqual(newStep(FRAME), { kind: 'extension', name: 'frame', values: { width: 16 } });
  assert.deepEqual(newStep(COLOURS), { kind: 'match_colors', image: null });
});

test('a format stays the last step', () => {
  const format = { kind: 'format', format: 'webp' };
  assert.deepEqual(withStep([{ kind: 'grain' }, format], { kind: 'sharpen' }).map((step) => step.kind), ['grain', 'sharpen', 'format']);
  assert.deepEqual(withStep([{ kind: 'grain' }, format], { kind: 'format', format: 'png' }), [{ kind: 'grain' }, { kind: 'format', format: 'png' }]);
});

test('steps move among themselves, not beyond the ends', () => {
  const steps = [{ kind: 'grain' }, { kind: 'sharpen' }];
  assert.deepEqual(moved(steps, 0, 1), [{ kind: 'sharpen' }, { kind: 'grain' }]);
  assert.equal(moved(steps, 1, 1), steps);
});

test('a field changes in a step or in an extension\'s values', () => {
  assert.deepEqual(changed({ kind: 'grain', amount: 0.2 }, 'amount', 1), { kind: 'grain', amount: 1 });
  const frame = changed(newStep(FRAME), 'width', 3);
  assert.equal(valueIn(frame, 'width'), 3);
});

test('text that is no chain is an empty one', () => {
  for (const text of ['', null, undefined, '{', '3', '[1, null]']) assert.deepEqual(readSteps(text), []);
  assert.equal(writeSteps([]), '');
  assert.deepEqual(readSteps(writeSteps([{ kind: 'grain', amount: 1 }])), [{ kind: 'grain', amount: 1 }]);
});

test('a closed fold says the steps', () => {
  assert.equal(chainWords('[{"kind":"upscale","upscaler":"Lanczos","scale":2},{"kind":"extension","name":"frame"},{"kind":"format","format":"webp"}]'), 'Lanczos 2×, frame, WEBP');
});
