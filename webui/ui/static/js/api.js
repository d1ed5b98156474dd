// @ts-check
// Talking to our own server. An error has `field` and `advice` when the server gave them.

/** @import * as T from './api-types.d.ts' */

import { call, Problem } from './client.js';
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
    if (problem instanceof Problem && !problem.status) problem.message += ' Your settings are kept.';
    throw problem;
  }
}

export const EVENTS = `${ROOT}/api/v1/events`;

const job = (id) => `/api/v1/jobs/${encodeURIComponent(id)}`;
const image = (id) => `/api/v1/images/${encodeURIComponent(id)}`;

export const jobs = {
  /** @returns {Promise<T.JobList>} */
  find: (query) => ask(`/api/v1/jobs?${new URLSearchParams(query)}`),
  /** @returns {Promise<T.Stopped>} */
  stopAll: () => ask('/api/v1/jobs', { method: 'DELETE' }),
  /** @returns {Promise<T.JobBody>} */
  get: (id) => ask(job(id)),
  /** @returns {Promise<T.JobBody>} */
  cancel: (id, how = 'stop') => ask(`${job(id)}?how=${how}`, { method: 'DELETE' }),
  /** @returns {Promise<T.JobBody>} */
  retry: (id) => ask(`${job(id)}/retry`, { method: 'POST' }),
  /** @returns {Promise<T.JobBody>} */
  again: (id) => ask(`${job(id)}/again?new_seed=true`, { method: 'POST' }),
  /** @returns {Promise<T.JobBody>} */
  move: (id, to) => ask(`${job(id)}/move?to=${to}`, { method: 'POST' }),
  preview: (id, frame) => `${ROOT}${job(id)}/preview?n=${frame}`,
};

export const extras = {
  /** @returns {Promise<T.RegionList>} */
  regions: (image, step) => ask('/api/v1/regions', { method: 'POST', json: { image, step }, patience: MORE_PATIENCE }),
  /** @returns {Promise<T.ExtrasJobs>} */
  submit: (body) => ask('/api/v1/extras', { method: 'POST', json: body, patience: MORE_PATIENCE }),
};

export const queue = {
  /** @returns {Promise<T.QueueBody>} */
  state: () => ask('/api/v1/queue'),
  /** @returns {Promise<T.PausedBody>} */
  pause: () => ask('/api/v1/queue/pause', { method: 'POST' }),
  /** @returns {Promise<T.PausedBody>} */
  resume: () => ask('/api/v1/queue/resume', { method: 'POST' }),
  /** @returns {Promise<T.PausedBody>} */
  free: () => ask('/api/v1/queue/free', { method: 'POST' }),
};

export const images = {
  /**
   * @param {{after?: string, q?: string, sort?: string, place?: string, limit?: number}} asked
   * @returns {Promise<T.ImageList>}
   */
  page: ({ limit = 30, ...asked }) =>
    ask(`/api/v1/images?${new URLSearchParams({ limit: String(limit), ...Object.fromEntries(Object.entries(asked).filter(([, value]) => value)) })}`),
  /** @returns {Promise<T.Sessions>} */
  sessions: (numbers) => ask(`/api/v1/images/sessions?numbers=${numbers.join(',')}`),
  /** @returns {Promise<T.Counts>} */
  count: (q, place) => ask(`/api/v1/images/count?${new URLSearchParams({ q, place })}`),
  /** @returns {Promise<T.Suggestions>} */
  suggest: (q) => ask(`/api/v1/images/suggest?${new URLSearchParams({ q })}`),
  /** @returns {Promise<T.Changed>} */
  change: (selection, changes) => ask('/api/v1/images', { method: 'PATCH', json: { ...selection, ...changes }, patience: MORE_PATIENCE }),
  /** @returns {Promise<T.Changed>} */
  undo: (token) => ask(`/api/v1/images/undo/${encodeURIComponent(token)}`, { method: 'POST', patience: MORE_PATIENCE }),
  /** @returns {Promise<T.Changed>} */
  purge: (selection) => ask('/api/v1/images/purge', { method: 'POST', json: selection, patience: MORE_PATIENCE }),
  /** @returns {Promise<Blob>} */
  zip: (selection) => ask('/api/v1/images/zip', { method: 'POST', json: selection, patience: MORE_PATIENCE }),
  file: (id) => ROOT + image(id),
  asRead: (id) => `${ROOT}${image(id)}/read`,
  thumb: (id) => `${ROOT}${image(id)}/thumb`,
  /** @returns {Promise<T.ImageWithRequest>} */
  record: (id) => ask(`${image(id)}/request`),
  /** @returns {Promise<T.ParametersText>} */
  parameters: (id) => ask(`${image(id)}/parameters`),
  /** @returns {Promise<T.ImageId>} */
  bin: (id) => ask(image(id), { method: 'DELETE' }),
  /** @returns {Promise<T.ImageWithRequest>} */
  restore: (id) => ask(`${image(id)}/restore`, { method: 'POST' }),
  /** @returns {Promise<T.ImageWithRequest>} */
  upload: (file) => ask('/api/v1/images', { method: 'POST', body: file, headers: { 'Content-Type': file.type || 'application/octet-stream' } }),
};

export const collections = {
  /** @returns {Promise<T.Collections>} */
  all: () => ask('/api/v1/collections'),
  /** @returns {Promise<T.Collections>} */
  save: (name, query) => ask('/api/v1/collections', { method: 'POST', json: { name, query } }),
  /** @returns {Promise<T.Collections>} */
  remove: (number) => ask(`/api/v1/collections/${number}`, { method: 'DELETE' }),
};

export const page = {
  /** @returns {Promise<T.Submitted>} */
  generate: (values) => ask('/page/generate', { method: 'POST', json: { values } }),
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
  /** @returns {Promise<T.ModelCard[]>} */
  models: (kind) => ask(`/page/models/${kind}`),
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
  /** @returns {Promise<T.ExtensionCard[]>} */
  extensions: () => ask('/page/extensions'),
  /** @returns {Promise<T.ExtensionCard[]>} */
  switchExtension: (id, on) => ask(`/page/extensions/${encodeURIComponent(id)}`, { method: 'PUT', json: { on } }),
};

export const keys = {
  /** @returns {Promise<T.KeyList>} */
  all: () => ask('/api/v1/keys'),
  /**
   * @param {T.KeyWish} wish
   * @returns {Promise<T.MadeKey>}
   */
  make: (wish) => ask('/api/v1/keys', { method: 'POST', json: wish }),
  /** @returns {Promise<T.KeyBody>} */
  remove: (id) => ask(`/api/v1/keys/${encodeURIComponent(id)}`, { method: 'DELETE' }),
};

export const backends = {
  /** @returns {Promise<unknown>} */
  accept: (name) => ask(`/api/v1/backends/${encodeURIComponent(name)}/accept`, { method: 'POST' }),
};

export const grids = {
  /** @returns {Promise<T.AxisKinds>} */
  axes: () => ask('/api/v1/grids/axes'),
  /** @returns {Promise<T.GridList>} */
  list: () => ask('/api/v1/grids'),
  /** @returns {Promise<T.GridWithCells>} */
  get: (id) => ask(`/api/v1/grids/${id}`),
  stop: (id) => ask(`/api/v1/grids/${id}`, { method: 'DELETE' }),
  retry: (id) => ask(`/api/v1/grids/${id}/retry`, { method: 'POST' }),
  add: (id, more) => ask(`/api/v1/grids/${id}/values`, { method: 'POST', json: more }),
  picture: (id) => `${ROOT}/api/v1/grids/${id}/picture`,
  animation: (id) => `${ROOT}/api/v1/grids/${id}/animation`,
  export: (id) => `${ROOT}/api/v1/grids/${id}/export`,
};

export const words = {
  /** @returns {Promise<T.WildcardList>} */
  wildcards: () => ask('/api/v1/wildcards'),
  /** @returns {Promise<T.StyleList>} */
  styles: () => ask('/api/v1/styles'),
  /** @returns {Promise<T.Style>} */
  saveStyle: (style) => ask('/api/v1/styles', { method: 'PUT', json: style }),
  /** @returns {Promise<T.PresetList>} */
  presets: () => ask('/api/v1/presets'),
  /** @returns {Promise<T.Preset>} */
  savePreset: (name, values) => ask('/page/presets', { method: 'POST', json: { name, values } }),
  /** @returns {Promise<T.PresetList>} */
  removePreset: (name) => ask(`/api/v1/presets?${new URLSearchParams({ name })}`, { method: 'DELETE' }),
  /** @returns {Promise<T.PromptList>} */
  prompts: (search) => ask(`/api/v1/prompts?${new URLSearchParams({ search })}`),
  removeStyle: (name) => ask(`/api/v1/styles?${new URLSearchParams({ name })}`, { method: 'DELETE' }),
};

const model = (id) => `/api/v1/models/${encodeURIComponent(id)}`;

export const models = {
  find: (query) => ask(`/api/v1/models?${new URLSearchParams(query)}`),
  overview: () => ask('/api/v1/models/overview'),
  get: (id) => ask(model(id)),
  change: (id, changes) => ask(model(id), { method: 'PATCH', json: changes }),
  preview: (id) => `${ROOT}${model(id)}/preview`,
  look: (source) => ask('/api/v1/models/offers', { method: 'POST', json: { source } }),
  download: (source, kind) => ask('/api/v1/models/downloads', { method: 'POST', json: { source, kind } }),
  starters: () => ask('/api/v1/models/starters'),
  recognise: (id) => ask(`${model(id)}/recognise`, { method: 'POST' }),
  discard: (id) => ask(model(id), { method: 'DELETE' }),
  downloads: () => ask('/api/v1/models/downloads'),
  pause: (id) => ask(`/api/v1/models/downloads/${id}/pause`, { method: 'POST' }),
  resume: (id) => ask(`/api/v1/models/downloads/${id}/resume`, { method: 'POST' }),
  remove: (id) => ask(`/api/v1/models/downloads/${id}`, { method: 'DELETE' }),
};

/** @returns {Promise<T.SystemBody>} */
export const system = () => ask('/api/v1/system');
