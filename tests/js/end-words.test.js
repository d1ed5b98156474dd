import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endWords, ringOf, titleOf } from '../../webui/ui/static/js/end-words.js';

const running = { id: 'a', state: 'running', request: {}, progress: { step: 14, steps: 24 } };

test('the title says how far it is, and how it ended until somebody looks', () => {
  assert.equal(titleOf(running, ''), '(14/24) Darkroom');
  assert.equal(titleOf(running, 'done', true), '∞ (14/24) Darkroom');
  assert.equal(titleOf({ ...running, progress: null }, ''), '(…) Darkroom');
  assert.equal(titleOf({ ...running, state: 'queued' }, 'failed'), '(…) Darkroom');
  const done = { ...running, state: 'done' };
  assert.deepEqual(['', 'done', 'failed'].map((unseen) => titleOf(done, unseen)), ['Darkroom', '(✓) Darkroom', '(!) Darkroom']);
  assert.equal(titleOf(undefined, ''), 'Darkroom');
});

test('a notification counts the pictures and says the prompt, or what failed', () => {
  const job = (count, prompt) => ({ state: 'done', images: Array.from({ length: count }, () => ({})), request: { prompt } });
  assert.deepEqual(endWords([job(8, 'an owl'), job(4, 'a ceramic owl')]), { title: '12 pictures', body: 'a ceramic owl' });
  assert.deepEqual(endWords([job(1, 'x'.repeat(100))]), { title: '1 picture', body: `${'x'.repeat(79)}…` });
  const failed = { state: 'failed', images: [], request: { prompt: 'an owl' }, error: { message: 'There is no memory left.' } };
  assert.deepEqual(endWords([job(1, 'a fox'), failed]), { title: '1 picture, 1 failed', body: 'There is no memory left.' });
});

test('the icon is a ring that fills with the steps, and the page\'s own where nothing runs', () => {
  const filled = (job) => Number(/stroke-dasharray="([\d.]+) /.exec(decodeURIComponent(ringOf(job)))[1]);
  assert.ok(Math.abs(filled({ ...running, progress: { step: 12, steps: 24 } }) - 31.4) < 0.1);
  assert.ok(Math.abs(filled({ ...running, progress: { step: 24, steps: 24 } }) - 62.8) < 0.1);
  assert.equal(ringOf({ ...running, progress: { step: 500, steps: 1000 } }), ringOf({ ...running, progress: { step: 501, steps: 1000 } }));
  for (const job of [undefined, { ...running, state: 'done' }, { ...running, state: 'queued' }, { ...running, progress: null }]) assert.equal(ringOf(job), '');
});
