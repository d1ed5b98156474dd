import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';

import { images, jobs, page, queue } from '../../webui/ui/static/js/api.js';
import { ROOT } from '../../webui/ui/static/js/storage.js';

let calls, answer;
beforeEach(() => {
  calls = [];
  answer = () => new Response('{}');
  mock.restoreAll();
  mock.method(globalThis, 'fetch', (path, options) => {
    calls.push({ path: path.slice(ROOT.length), ...options });
    return Promise.resolve().then(answer);
  });
});
const says = (text, status = 200, type = 'application/json') => { answer = () => new Response(text, { status, headers: { 'Content-Type': type } }); };

test('ids and words are escaped', async () => {
  await jobs.get('a/b?');
  await images.page({ after: 'x&y', q: 'red apple', limit: 5, sort: '' });
  await images.page({});
  await jobs.find({ state: 'done', newest: true });
  assert.deepEqual(calls.map(({ path }) => path), ['/api/v1/jobs/a%2Fb%3F', '/api/v1/images?limit=5&after=x%26y&q=red+apple', '/api/v1/images?limit=30', '/api/v1/jobs?state=done&newest=true']);
});

test('values are sent as JSON, files as they are', async () => {
  await page.generate({ prompt: 'x', ratio: undefined });
  const file = new Blob(['1'], { type: 'image/webp' });
  await images.upload(file);
  await images.upload(new Blob(['1']));
  await queue.pause();
  assert.deepEqual([calls[0].method, calls[0].body, calls[0].headers], ['POST', '{"values":{"prompt":"x"}}', { 'Content-Type': 'application/json' }]);
  assert.deepEqual([calls[1].body, calls[1].headers], [file, { 'Content-Type': 'image/webp' }]);
  assert.deepEqual(calls[2].headers, { 'Content-Type': 'application/octet-stream' });
  assert.deepEqual([calls[3].method, calls[3].body], ['POST', undefined]);
});

test('the answer is values, with large numbers as their digits', async () => {
  says('{"id": "a", "request": {"seed": 18446744073709551615}}');
  assert.equal((await jobs.get('a')).request.seed, '18446744073709551615');
  says('null');
  assert.equal(await page.native('x'), null);
});

test('a mask comes as a file', async () => {
  says('PNG', 200, 'image/png');
  assert.equal(await (await page.readMask(new Blob([]))).text(), 'PNG');
});

test('a refusal says what, where and what to do', async () => {
  says('{"message": "Too wide.", "field": "width", "advice": "Take 512."}', 422);
  await assert.rejects(page.generate({}), { message: 'Too wide.', field: 'width', advice: 'Take 512.', status: 422 });
  says('{"detail": "Not Found"}', 404);
  await assert.rejects(jobs.get('a'), { message: 'Not Found', status: 404 });
  says('{"detail": [{"loc": []}]}', 422);
  await assert.rejects(jobs.get('a'), { message: 'The server answered 422.' });
  says('<html>Bad gateway</html>', 502, 'text/html');
  await assert.rejects(jobs.get('a'), { message: 'The server answered 502.', status: 502, field: undefined });
});

test('an answer that was cut off is not taken for one', async () => {
  says('{"id": "a", "requ');
  await assert.rejects(jobs.get('a'), { message: 'The answer did not arrive whole. Try again.' });
});

test('no connection and no answer in time are told apart', async () => {
  answer = () => { throw new TypeError('Failed to fetch'); };
  await assert.rejects(jobs.get('a'), { message: 'Not connected. Your settings are kept.' });
  answer = () => { throw new DOMException('late', 'TimeoutError'); };
  await assert.rejects(jobs.get('a'), { message: 'The server does not answer. Your settings are kept.' });
});

test('what is slow by nature is waited for longer', async () => {
  const waits = [];
  mock.method(AbortSignal, 'timeout', (ms) => { waits.push(ms); return new AbortController().signal; });
  await jobs.get('a');
  await images.upload(new Blob([]));
  await page.lookAgain();
  assert.deepEqual(waits, [60_000, 600_000, 600_000]);
});

test('addresses that the page shows', () => {
  assert.equal(images.thumb('a b'), `${ROOT}/api/v1/images/a%20b/thumb`);
  assert.equal(images.asRead('a'), `${ROOT}/api/v1/images/a/read`);
  assert.equal(images.file('a'), `${ROOT}/api/v1/images/a`);
  assert.equal(jobs.preview('j', 3), `${ROOT}/api/v1/jobs/j/preview?n=3`);
});
