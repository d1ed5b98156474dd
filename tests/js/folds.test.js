import assert from 'node:assert/strict';
import { test } from 'node:test';

import { summary } from '../../webui/ui/static/js/folds.js';

const LABELS = { eta: 'Eta', tiling: 'Tiling', steps: 'Steps', vae: 'SD VAE' };
const of = (name, defaults, values) => summary(name, Object.keys(defaults), { defaults, values: { ...defaults, ...values }, labels: LABELS });

test('a closed fold says what differs, two things at most', () => {
  const defaults = { eta: null, tiling: false, steps: 20, vae: 'Automatic' };
  assert.equal(of('more', defaults, {}), '');
  assert.equal(of('more', defaults, { eta: '' }), '', 'an emptied box is no change');
  assert.equal(of('more', defaults, { eta: 0 }), 'Eta 0');
  assert.equal(of('more', defaults, { tiling: true, steps: 30 }), 'Tiling, Steps 30');
  assert.equal(of('more', defaults, { eta: 1, tiling: true, steps: 30, vae: 'x' }), 'Eta 1, Tiling, 2 more');
  assert.equal(of('more', { tiling: true }, { tiling: false }), 'no Tiling');
  assert.equal(of('more', { vae: [] }, { vae: [] }), '', 'a list is what is in it');
});

test('a part that is switched on says so', () => {
  assert.equal(of('soft', { 'soft.enabled': false, 'soft.contrast': 1 }, { 'soft.enabled': true }), 'On');
  assert.equal(of('soft', { 'soft.enabled': false, 'soft.contrast': 1 }, { 'soft.contrast': 2 }), '');
});

test('the second pass says how much larger, and by what', () => {
  const defaults = { 'hires.enabled': false, 'hires.scale': 2, 'hires.width': 0, 'hires.height': 0, 'hires.upscaler': 'Latent' };
  assert.equal(of('hires', defaults, {}), '');
  assert.equal(of('hires', defaults, { 'hires.enabled': true }), '2× Latent');
  assert.equal(of('hires', defaults, { 'hires.enabled': true, 'hires.width': 1024 }), '1024 × auto Latent');
});
