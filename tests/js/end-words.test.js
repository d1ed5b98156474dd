import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endWords, titleOf } from '../../webui/ui/static/js/end-words.js';

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
