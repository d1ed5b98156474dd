// @ts-check
// Talking to our own server. An error has `field` and `advice` when the server gave them.

/** @import * as T from './api-types.d.ts' */

import { addressOf, call, Problem } from './client.js';
import { t } from './language.js';
import { ROOT } from './storage.js';

const PATIENCE = 60_000;        // ms
const MORE_PATIENCE = 600_000;  // where much is sent, or a slow disk is looked through

/**
 * The server's answer: JSON as values, or a picture or an archive as a Blob.
 * @param {string} path
 * @param {{method?: string, json?: unknown, body?: Blob, headers?: Record<string, string>, patience?: number}} [options]
 * @returns {Promise<any>}
 */
async function ask(path, options = {}) {
  try {
    return await call(ROOT + path, { patience: options.body === undefined ? PATIENCE : MORE_PATIENCE, ...options });
  } catch (problem) {
    if (problem instanceof Problem) inOurLanguage(problem);
    throw problem;
  }
}

/** What the server says in fixed sentences is in the catalogue too. @param {Problem} problem */
function inOurLanguage(problem) {
  problem.message = t(problem.message) + (problem.status ? '' : t(' Your settings are kept.'));
  if (problem.advice) problem.advice = t(problem.advice);
}

/**
 * A route of the API, as its schema has it.
 * @template {keyof T.Routes} R
 * @param {R} route
 * @param {T.Given<R>} given
 * @returns {Promise<T.Answer<R>>}
 */
function api(route, ...given) {
  const { path, query, ...rest } = /** @type {any} */ (given[0] ?? {});
  const { method, address } = addressOf(route, { path, query });
  return ask(address, { method, ...rest });
}

export const EVENTS = `${ROOT}/api/v1/events`;

/** @type {(route: keyof T.Routes, id: string, name: string) => string} */
const at = (route, id, name) => ROOT + addressOf(route, { path: { [name]: id } }).address;
const image = (id) => ({ path: { image_id: id } });
const job = (id) => ({ path: { job_id: id } });

export const jobs = {
  find: (query) => api('GET /api/v1/jobs', { query }),
  stopAll: () => api('DELETE /api/v1/jobs'),
  get: (id) => api('GET /api/v1/jobs/{job_id}', job(id)),
  /** @param {'stop' | 'skip' | 'after'} how */
  cancel: (id, how = 'stop') => api('DELETE /api/v1/jobs/{job_id}', { ...job(id), query: { how } }),
  retry: (id, payAgain = false) => api('POST /api/v1/jobs/{job_id}/retry', { ...job(id), query: { pay_again: payAgain } }),
  again: (id) => api('POST /api/v1/jobs/{job_id}/again', { ...job(id), query: { new_seed: true } }),
  move: (id, to) => api('POST /api/v1/jobs/{job_id}/move', { ...job(id), query: { to } }),
  preview: (id, frame) => `${at('GET /api/v1/jobs/{job_id}/preview', id, 'job_id')}?n=${frame}`,
};

export const extras = {
  regions: (image, step) => api('POST /api/v1/regions', { json: { image, step }, patience: MORE_PATIENCE }),
  submit: (body) => api('POST /api/v1/extras', { json: body, patience: MORE_PATIENCE }),
};

export const queue = {
  state: () => api('GET /api/v1/queue'),
  pause: () => api('POST /api/v1/queue/pause'),
  resume: () => api('POST /api/v1/queue/resume'),
  free: () => api('POST /api/v1/queue/free'),
};

export const images = {
  /** @param {T.Routes['GET /api/v1/images']['query']} asked */
  page: ({ limit = 30, ...asked } = {}) =>
    api('GET /api/v1/images', { query: { limit, ...Object.fromEntries(Object.entries(asked).filter(([, value]) => value)) } }),
  layout: (asked) => api('GET /api/v1/images/layout', { query: Object.fromEntries(Object.entries(asked).filter(([, value]) => value)) }),
  numbered: (numbers) => api('GET /api/v1/images/numbered', { query: { numbers: numbers.join(',') } }),
  sessions: (numbers) => api('GET /api/v1/images/sessions', { query: { numbers: numbers.join(',') } }),
  months: (q, place) => api('GET /api/v1/images/months', { query: { q, place } }),
  count: (q, place) => api('GET /api/v1/images/count', { query: { q, place } }),
  suggest: (q) => api('GET /api/v1/images/suggest', { query: { q } }),
  change: (selection, changes) => api('PATCH /api/v1/images', { json: { ...selection, ...changes }, patience: MORE_PATIENCE }),
  undo: (token) => api('POST /api/v1/images/undo/{token}', { path: { token }, patience: MORE_PATIENCE }),
  purge: (selection) => api('POST /api/v1/images/purge', { json: selection, patience: MORE_PATIENCE }),
  zip: (selection) => api('POST /api/v1/images/zip', { json: selection, patience: MORE_PATIENCE }),
  file: (id) => at('GET /api/v1/images/{image_id}', id, 'image_id'),
  asRead: (id) => at('GET /api/v1/images/{image_id}/read', id, 'image_id'),
  thumb: (id) => at('GET /api/v1/images/{image_id}/thumb', id, 'image_id'),
  record: (id) => api('GET /api/v1/images/{image_id}/request', image(id)),
  parameters: (id) => api('GET /api/v1/images/{image_id}/parameters', image(id)),
  bin: (id) => api('DELETE /api/v1/images/{image_id}', image(id)),
  restore: (id) => api('POST /api/v1/images/{image_id}/restore', image(id)),
  upload: (file) => api('POST /api/v1/images', { body: file, headers: { 'Content-Type': file.type || 'application/octet-stream' } }),
};

export const collections = {
  all: () => api('GET /api/v1/collections'),
  save: (name, query) => api('POST /api/v1/collections', { json: { name, query } }),
  remove: (number) => api('DELETE /api/v1/collections/{number}', { path: { number } }),
};

export const page = {
  /** @returns {Promise<T.Submitted>} */
  generate: (values, key = '') => ask('/page/generate', { method: 'POST', json: { values }, headers: key ? { 'Idempotency-Key': key } : {} }),
  /** @returns {Promise<T.GridCount>} */
  countGrid: (wish) => ask('/page/grids/count', { method: 'POST', json: wish }),
  /** @returns {Promise<T.GridBody>} */
  makeGrid: (wish) => ask('/page/grids', { method: 'POST', json: wish }),
  /** @returns {Promise<T.GridOfFolder>} */
  makeBatch: (wish) => ask('/page/grids/folder', { method: 'POST', json: wish }),
  /** @returns {Promise<import('./page-types.d.ts').Values>} */
  values: (request) => ask('/page/values', { method: 'POST', json: { values: request } }),
  /** @returns {Promise<T.TokenCount>} */
  tokens: (text) => ask('/page/tokens', { method: 'POST', json: { text } }),
  /** @returns {Promise<T.ShelfCard[]>} */
  shelf: () => ask('/page/shelf'),
  /** @returns {Promise<T.StepNames>} */
  steps: () => ask('/page/steps'),
  /** @returns {Promise<T.OwnDefaults | null>} */
  native: (checkpoint, where = '') => ask(`/page/native?${new URLSearchParams({ checkpoint, where })}`),
  /** @returns {Promise<T.FormParameters>} */
  readText: (text) => ask('/page/parameters/text', { method: 'POST', json: { text } }),
  /** @returns {Promise<T.FormParameters>} */
  readPicture: (file) => ask('/page/parameters/picture', { method: 'POST', body: file, headers: { 'Content-Type': 'application/octet-stream' } }),
  /** @returns {Promise<Blob>} */
  readMask: (file) => ask('/page/mask', { method: 'POST', body: file, headers: { 'Content-Type': 'application/octet-stream' } }),
  /** @returns {Promise<Record<string, string[]>>} */
  lists: (where = '') => ask(`/page/lists?${new URLSearchParams({ where })}`),
  /** @returns {Promise<Record<string, string[]>>} */
  lookAgain: (where = '') => ask(`/page/lists?${new URLSearchParams({ where })}`, { method: 'POST', patience: MORE_PATIENCE }),
  /** @returns {Promise<T.SettingsPage>} */
  settings: () => ask('/page/settings'),
  /** @returns {Promise<T.SettingSections>} */
  setSetting: (name, value) => ask('/page/settings', { method: 'PATCH', json: { values: { [name]: value } } }),
  /** @returns {Promise<T.KnownLanguages>} */
  languages: () => ask('/page/languages'),
  /** @returns {Promise<T.ExtensionCard[]>} */
  extensions: () => ask('/page/extensions'),
  /** @returns {Promise<T.ExtensionCard[]>} */
  switchExtension: (id, on) => ask(`/page/extensions/${encodeURIComponent(id)}`, { method: 'PUT', json: { on } }),
};

export const keys = {
  all: () => api('GET /api/v1/keys'),
  /** @param {T.Sent<T.KeyWish>} wish */
  make: (wish) => api('POST /api/v1/keys', { json: wish }),
  /** @param {string} key_id */
  remove: (key_id) => api('DELETE /api/v1/keys/{key_id}', { path: { key_id } }),
};

export const people = {
  me: () => api('GET /api/v1/me'),
  /** @param {string} name */
  rename: (name) => api('PATCH /api/v1/me', { json: { name } }),
  all: () => api('GET /api/v1/people'),
  /** @param {T.Sent<T.Invitation, 'name'>} wish */
  invite: (wish) => api('POST /api/v1/people', { json: wish }),
  change: (person_id, role) => api('PATCH /api/v1/people/{person_id}', { path: { person_id }, json: { role } }),
  takeBack: (person_id) => api('DELETE /api/v1/people/{person_id}', { path: { person_id } }),
  audit: (before) => api('GET /api/v1/audit', { query: { before } }),
};

export const webhooks = {
  all: () => api('GET /api/v1/webhooks'),
  /** @param {T.Sent<T.HookWish, 'url'>} wish */
  make: (wish) => api('POST /api/v1/webhooks', { json: wish }),
  /** @param {string} hook_id */
  remove: (hook_id) => api('DELETE /api/v1/webhooks/{hook_id}', { path: { hook_id } }),
};

export const backends = {
  accept: (name) => api('POST /api/v1/backends/{name}/accept', { path: { name } }),
};

const grid = (id) => ({ path: { grid_id: id } });

export const grids = {
  axes: () => api('GET /api/v1/grids/axes'),
  list: () => api('GET /api/v1/grids'),
  get: (id) => api('GET /api/v1/grids/{grid_id}', grid(id)),
  stop: (id) => api('DELETE /api/v1/grids/{grid_id}', grid(id)),
  retry: (id, payAgain = false) => api('POST /api/v1/grids/{grid_id}/retry', { ...grid(id), query: { pay_again: payAgain } }),
  add: (id, more) => api('POST /api/v1/grids/{grid_id}/values', { ...grid(id), json: more }),
  picture: (id) => at('GET /api/v1/grids/{grid_id}/picture', id, 'grid_id'),
  animation: (id) => at('GET /api/v1/grids/{grid_id}/animation', id, 'grid_id'),
  export: (id) => at('GET /api/v1/grids/{grid_id}/export', id, 'grid_id'),
};

export const words = {
  wildcards: () => api('GET /api/v1/wildcards'),
  styles: () => api('GET /api/v1/styles'),
  saveStyle: (style) => api('PUT /api/v1/styles', { json: style }),
  presets: () => api('GET /api/v1/presets'),
  /** @returns {Promise<T.Preset>} */
  savePreset: (name, values) => ask('/page/presets', { method: 'POST', json: { name, values } }),
  removePreset: (name) => api('DELETE /api/v1/presets', { query: { name } }),
  prompts: (search) => api('GET /api/v1/prompts', { query: { search } }),
  removeStyle: (name) => api('DELETE /api/v1/styles', { query: { name } }),
};

const model = (id) => ({ path: { model_id: id } });
const download = (id) => ({ path: { download_id: id } });

export const models = {
  find: (query) => api('GET /api/v1/models', { query }),
  overview: () => api('GET /api/v1/models/overview'),
  get: (id) => api('GET /api/v1/models/{model_id}', model(id)),
  change: (id, changes) => api('PATCH /api/v1/models/{model_id}', { ...model(id), json: changes }),
  preview: (id) => at('GET /api/v1/models/{model_id}/preview', id, 'model_id'),
  look: (source) => api('POST /api/v1/models/offers', { json: { source } }),
  download: (source, kind) => api('POST /api/v1/models/downloads', { json: { source, kind } }),
  starters: () => api('GET /api/v1/models/starters'),
  search: (query) => api('GET /api/v1/models/search', { query, patience: MORE_PATIENCE }),
  duplicates: () => api('GET /api/v1/models/duplicates'),
  unused: () => api('GET /api/v1/models/unused'),
  convert: (id, to) => api('POST /api/v1/models/{model_id}/convert', { ...model(id), json: { to } }),
  conversions: () => api('GET /api/v1/models/conversions'),
  export: (id) => api('POST /api/v1/models/{model_id}/export', model(id)),
  recognise: (id) => api('POST /api/v1/models/{model_id}/recognise', model(id)),
  discard: (id) => api('DELETE /api/v1/models/{model_id}', model(id)),
  downloads: () => api('GET /api/v1/models/downloads'),
  pause: (id) => api('POST /api/v1/models/downloads/{download_id}/pause', download(id)),
  resume: (id, kind = '') => api('POST /api/v1/models/downloads/{download_id}/resume', { ...download(id), json: { kind } }),
  remove: (id) => api('DELETE /api/v1/models/downloads/{download_id}', download(id)),
};

export const system = () => api('GET /api/v1/system');
