import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';

import { addressOf, Darkroom, Problem } from '../../webui/ui/static/js/client.js';

let calls, answers;
beforeEach(() => {
  calls = [];
  answers = [];
  mock.restoreAll();
  mock.method(globalThis, 'fetch', (url, options) => {
    calls.push({ url, ...options });
    const next = answers.shift();
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(new Response(next?.text ?? '{}', { status: next?.status ?? 200, headers: { 'Content-Type': next?.type ?? 'application/json' } }));
  });
});
const event = (body) => `event: ${body.type}\ndata: ${JSON.stringify(body)}\n\n`;

test('a call carries who makes it', async () => {
  const darkroom = new Darkroom('http://host:1/sub/', { key: 'k', owner: 'anna' });
  await darkroom.submit({ prompt: 'x' }, { idempotencyKey: 'one' });
  await darkroom.cancel('a/b', 'skip');
  assert.equal(calls[0].url, 'http://host:1/sub/api/v1/jobs');
  assert.deepEqual(calls[0].headers, { Authorization: 'Bearer k', 'X-Owner': 'anna', 'Idempotency-Key': 'one', 'Content-Type': 'application/json' });
  assert.deepEqual([calls[1].url, calls[1].method], ['http://host:1/sub/api/v1/jobs/a%2Fb?how=skip', 'DELETE']);
});

test('a job is followed over a lost connection, and nothing is told twice', async () => {
  answers = [{ text: event({ type: 'queued', seq: 1 }) + event({ type: 'step', seq: 0 }) }, new TypeError('lost'), { text: event({ type: 'done', seq: 4 }) + event({ type: 'never' }) }];
  const kinds = [];
  for await (const { type } of new Darkroom().follow('j')) kinds.push(type);
  assert.deepEqual(kinds, ['queued', 'step', 'done']);
  assert.deepEqual(calls.map(({ url }) => new URL(url).search), ['?after=0', '?after=1', '?after=1']);
});

test('a refusal ends it, in the words of the server', async () => {
  answers = [{ text: '{"message": "There is no job j."}', status: 404 }];
  await assert.rejects(new Darkroom().wait('j'), { message: 'There is no job j.', status: 404 });
});

test('a job that failed is a problem with its advice', async () => {
  answers = [{ text: event({ type: 'failed', seq: 1 }) }, { text: '{"error": {"message": "No memory.", "advice": "Smaller.", "field": "width"}}' }];
  await assert.rejects(new Darkroom().wait('j'), (problem) => problem instanceof Problem && problem.advice === 'Smaller.' && problem.field === 'width');
});

test('a picture comes as its bytes', async () => {
  answers = [{ text: 'PNG', type: 'image/png' }];
  assert.deepEqual([...await new Darkroom().picture('a')], [80, 78, 71]);
});

test('any route is asked by its method and path', async () => {
  const darkroom = new Darkroom('http://host:1');
  await darkroom.ask('POST /api/v1/jobs/{job_id}/again', { path: { job_id: 'a/b' }, query: { new_seed: false } });
  await darkroom.ask('POST /api/v1/webhooks', { json: { url: 'https://example.org' } });
  assert.deepEqual(calls.map(({ url, method, body }) => [method, url, body]), [
    ['POST', 'http://host:1/api/v1/jobs/a%2Fb/again?new_seed=false', undefined],
    ['POST', 'http://host:1/api/v1/webhooks', '{"url":"https://example.org"}'],
  ]);
});

test('what is not given is left out of an address', () => {
  assert.deepEqual(addressOf('GET /api/v1/x', { query: { a: undefined, b: null, c: 0, d: 'e f' } }), { method: 'GET', address: '/api/v1/x?c=0&d=e+f' });
});
