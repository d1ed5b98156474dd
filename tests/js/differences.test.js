import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differences, markedWords, psnr, psnrWords, sizeWords } from '../../webui/ui/static/js/differences.js';

const labels = { prompt: 'Prompt', guidance: 'CFG Scale', steps: 'Sampling steps', seed: 'Seed', tiling: 'Tiling', vae: 'SD VAE' };

test('only what differs is told, prompts first, and the rest is counted', () => {
  const { rows, same } = differences([{ guidance: 5, steps: 20, prompt: 'an owl', batch_count: 1 }, { guidance: 7, steps: 20, prompt: 'a fox', batch_count: 4 }], labels);
  assert.deepEqual(rows.map(({ label, values, takes, can }) => [label, values, takes, can]), [['Prompt', ['an owl', 'a fox'], ['an owl', 'a fox'], true], ['CFG Scale', ['5', '7'], [5, 7], true]]);
  assert.equal(same, 1);
});

test('what one does not say means what an untouched form means', () => {
  const { rows } = differences([{ tiling: true, steps: 20 }, { vae: null }], labels, { tiling: false, steps: 20 });
  assert.deepEqual(rows.map(({ name, values, takes }) => [name, values, takes]), [['tiling', ['on', 'off'], [true, false]]]);
});

test('what had no effect is not told, nor counted', () => {
  const told = differences([{ variation_seed: 1, variation_strength: 0, tiling: false }, { variation_seed: 2, variation_strength: 0, tiling: false }], { ...labels, seed: 'Seed (-1 is random)' }, { variation_strength: 0, tiling: false });
  assert.deepEqual([told.rows, told.same], [[], 0]);
  assert.equal(differences([{ seed: 1 }, { seed: 2 }], { seed: 'Seed (-1 is random)' }).rows[0].label, 'Seed');
});

test('what the form does not have is told and cannot be taken', () => {
  const [row] = differences([{ 'extras.old.way': 1 }, {}], labels).rows;
  assert.deepEqual([row.label, row.can, row.values], ['extras.old.way', false, ['1', '']]);
});

test('three and four are compared as well', () => {
  assert.deepEqual(differences([{ steps: 1 }, { steps: 1 }, { steps: 2 }], labels).rows[0].values, ['1', '1', '2']);
});

test('the words of a prompt that are not everywhere are marked', () => {
  const [a, b] = markedWords(['a ceramic owl, soft light', 'a Brass owl, (soft light)']);
  assert.deepEqual(a, [{ text: 'a ', differs: false }, { text: 'ceramic', differs: true }, { text: ' owl, soft light', differs: false }]);
  assert.deepEqual(b.filter(({ differs }) => differs).map(({ text }) => text), ['Brass']);
  assert.equal(b.map(({ text }) => text).join(''), 'a Brass owl, (soft light)');
  assert.deepEqual(markedWords(['', 'x']), [[], [{ text: 'x', differs: true }]]);
});

test('how far apart two pictures are', () => {
  const grey = (value) => new Uint8ClampedArray([value, value, value, 255, value, value, value, 0]);
  assert.equal(psnr(grey(7), grey(7)), Infinity);
  assert.ok(Math.abs(psnr(grey(0), grey(255))) < 1e-9);
  assert.equal(psnrWords(psnr(grey(10), grey(11))), 'PSNR 48.1 dB');
  assert.equal(psnrWords(Infinity), 'The same in every pixel');
});

test('the larger one is named', () => {
  assert.equal(sizeWords([{ width: 1024, height: 768 }, { width: 512, height: 384 }]), 'A is 2× larger');
  assert.equal(sizeWords([{ width: 512, height: 768 }, { width: 512, height: 384 }]), '');
});
