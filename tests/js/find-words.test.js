import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ALSO_FIELDS, ALSO_PLACES } from '../../webui/ui/static/js/a1111-words.js';
import { plain, ranked } from '../../webui/ui/static/js/find-words.js';

const entry = (kind, title, also = '') => ({ kind, title, also, run() {} });
const ENTRIES = [
  entry('action', 'Generate'), entry('place', 'Grid', ALSO_PLACES.grid), entry('place', 'Extensions'), entry('field', 'CFG Scale', 'guidance'), entry('field', 'Hires CFG Scale'), entry('field', 'Upscale by'),
  entry('field', 'ETA noise seed delta', ALSO_FIELDS['sampler_options.ensd']), entry('setting', 'Attention', 'kernel'), entry('setting', 'Größe', 'Scale'), entry('model', 'scaleface', 'lora'),
];
const titles = (query, most) => ranked(ENTRIES, query, most).map(({ title }) => title).join(', ');

describe('what a few letters mean', () => {
  const cases = [
    ['cfg', 'CFG Scale, Hires CFG Scale'], ['scale', 'scaleface, CFG Scale, Hires CFG Scale, Upscale by, Größe'], ['cfg hires', 'Hires CFG Scale'], ['x/y/z', 'Grid'], ['ENSD', 'ETA noise seed delta'], ['prompt matrix', 'Grid'],
    ['grosse', 'Größe'], ['größe', 'Größe'], ['GROẞE', 'Größe'], ['nothing such', ''], ['guid', 'CFG Scale'], ['ext', 'Extensions, Grid'],
  ];
  for (const [query, wanted] of cases) test(query, () => assert.equal(titles(query), wanted));
});

test('nothing typed: what can be done, and places', () => assert.equal(titles('  '), 'Generate, Grid, Extensions'));
test('at most so many', () => assert.equal(ranked(ENTRIES, 'e', 2).length, 2));
test('accents and size of letters count nothing', () => assert.equal(plain('Éclair ÄÖ'), 'eclair ao'));
test('any letters may be typed', () => { for (const query of ['(', '\\', '[a', '*', '𝒳', ' \u0301']) assert.ok(Array.isArray(ranked(ENTRIES, query))); });
