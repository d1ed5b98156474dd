import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ENDINGS, toldOf } from '../../webui/ui/static/js/webhook-words.js';

const hook = { owner: 'anna', events: ['done'], created: '2026-11-30T04:00:00Z', trouble: '' };

test('every choice is told in its own words, in any order', () => {
  for (const { label, events } of ENDINGS) assert.ok(toldOf({ ...hook, events: [...events].reverse() }).includes(label));
  assert.ok(toldOf({ ...hook, events: ['done', 'failed'] }).includes('When it is done or failed'));
});

test('what is wrong with it stands last', () => {
  assert.ok(toldOf({ ...hook, trouble: 'It answered 500.' }).endsWith(' · It answered 500.'));
  assert.equal(toldOf(hook).split(' · ').length, 3);
});
