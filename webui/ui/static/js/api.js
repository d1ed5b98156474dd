// Talking to our own server. An error has `field` and `advice` when the server gave them.

import { parseExact } from './exact.js';
import { ROOT } from './storage.js';

const PATIENCE = 60_000;        // ms
const MORE_PATIENCE = 600_000;  // where much is sent, or a slow disk is looked through

async function ask(path, { method = 'GET', json, body, headers = {}, patience = body === undefined ? PATIENCE : MORE_PATIENCE } = {}) {
  const options = { method, signal: AbortSignal.timeout(patience), headers: { ...headers } };
  if (json !== undefined) {
    options.headers['Content-Type'] = 'application/json';
    options.body = JSON.stringify(json);
  } else if (body !== undefined) options.body = body;
  let answer;
  try {
    answer = await fetch(ROOT + path, options);
  } catch (problem) {
    throw new Error(problem.name === 'TimeoutError' ? 'The server does not answer. Your settings are kept.' : 'Not connected. Your settings are kept.');
  }
  if (answer.ok && answer.headers.get('Content-Type') === 'image/png') return answer.blob();
  const content = await answer.text().then(parseExact).catch(() => undefined);  // cut off, or not ours
  if (answer.ok && content !== undefined) return content;
  if (answer.ok) throw new Error('The answer did not arrive whole. Try again.');
  const told = content?.message ?? (typeof content?.detail === 'string' ? content.detail : `The server answered ${answer.status}.`);
  throw Object.assign(new Error(told), { field: content?.field, advice: content?.advice, status: answer.status });
}

export const EVENTS = `${ROOT}/api/v1/events`;

const job = (id) => `/api/v1/jobs/${encodeURIComponent(id)}`;
const image = (id) => `/api/v1/images/${encodeURIComponent(id)}`;

export const jobs = {
  find: (query) => ask(`/api/v1/jobs?${new URLSearchParams(query)}`),
  stopAll: () => ask('/api/v1/jobs', { method: 'DELETE' }),
  get: (id) => ask(job(id)),
  cancel: (id, how = 'stop') => ask(`${job(id)}?how=${how}`, { method: 'DELETE' }),
  retry: (id) => ask(`${job(id)}/retry`, { method: 'POST' }),
  again: (id) => ask(`${job(id)}/again?new_seed=true`, { method: 'POST' }),
  move: (id, to) => ask(`${job(id)}/move?to=${to}`, { method: 'POST' }),
  preview: (id, frame) => `${ROOT}${job(id)}/preview?n=${frame}`,
};

export const queue = {
  state: () => ask('/api/v1/queue'),
  pause: () => ask('/api/v1/queue/pause', { method: 'POST' }),
  resume: () => ask('/api/v1/queue/resume', { method: 'POST' }),
  free: () => ask('/api/v1/queue/free', { method: 'POST' }),
};

export const images = {
  page: (after = '', search = '', limit = 30) =>
    ask(`/api/v1/images?${new URLSearchParams({ limit, ...(after && { after }), ...(search && { search }) })}`),
  file: (id) => ROOT + image(id),
  asRead: (id) => `${ROOT}${image(id)}/read`,
  thumb: (id) => `${ROOT}${image(id)}/thumb`,
  record: (id) => ask(`${image(id)}/request`),
  parameters: (id) => ask(`${image(id)}/parameters`),
  bin: (id) => ask(image(id), { method: 'DELETE' }),
  restore: (id) => ask(`${image(id)}/restore`, { method: 'POST' }),
  upload: (file) => ask('/api/v1/images', { method: 'POST', body: file, headers: { 'Content-Type': file.type || 'application/octet-stream' } }),
};

export const page = {
  generate: (values) => ask('/page/generate', { method: 'POST', json: { values } }),
  values: (request) => ask('/page/values', { method: 'POST', json: { values: request } }),
  tokens: (text) => ask('/page/tokens', { method: 'POST', json: { text } }),
  models: (kind) => ask(`/page/models/${kind}`),
  native: (checkpoint) => ask(`/page/native?${new URLSearchParams({ checkpoint })}`),
  readText: (text) => ask('/page/parameters/text', { method: 'POST', json: { text } }),
  readPicture: (file) => ask('/page/parameters/picture', { method: 'POST', body: file, headers: { 'Content-Type': 'application/octet-stream' } }),
  readMask: (file) => ask('/page/mask', { method: 'POST', body: file, headers: { 'Content-Type': 'application/octet-stream' } }),
  lists: () => ask('/page/lists'),
  lookAgain: () => ask('/page/lists', { method: 'POST', patience: MORE_PATIENCE }),
  settings: () => ask('/page/settings'),
  setSetting: (name, value) => ask('/page/settings', { method: 'PATCH', json: { values: { [name]: value } } }),
  extensions: () => ask('/page/extensions'),
  switchExtension: (id, on) => ask(`/page/extensions/${encodeURIComponent(id)}`, { method: 'PUT', json: { on } }),
};

const model = (id) => `/api/v1/models/${encodeURIComponent(id)}`;

export const models = {
  find: (query) => ask(`/api/v1/models?${new URLSearchParams(query)}`),
  overview: () => ask('/api/v1/models/overview'),
  get: (id) => ask(model(id)),
  change: (id, changes) => ask(model(id), { method: 'PATCH', json: changes }),
  preview: (id) => `${ROOT}${model(id)}/preview`,
};

export const system = () => ask('/api/v1/system');
