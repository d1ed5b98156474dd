import assert from 'node:assert/strict';
import { test } from 'node:test';

import { setApart, withStyles } from '../../webui/ui/static/js/word-tags.js';

const STYLES = [{ name: 'oil', prompt: 'oil painting of {prompt}', negative_prompt: 'photo' }, { name: 'warm', prompt: 'warm light', negative_prompt: '' }];

test('words are set apart from what is before them', () => {
  assert.equal(setApart('', '__x__'), '__x__');
  assert.equal(setApart('a cat', '__x__'), ' __x__');
  assert.equal(setApart('a (', '__x__'), '__x__');
});

test('styles stand around the prompt or behind it, as the server puts them', () => {
  assert.deepEqual(withStyles(STYLES, ['oil', 'warm', 'gone'], 'a $& cat', 'blurry'), { prompt: 'oil painting of a $& cat, warm light', negative_prompt: 'blurry, photo' });
  assert.deepEqual(withStyles(STYLES, ['warm'], '', ''), { prompt: 'warm light', negative_prompt: '' });
});
