// @ts-check
// A client of Darkroom's API, for this page and for other programs: in browsers, node and Deno. Needs `exact.js` beside it and nothing else;
// its types, `api-types.d.ts`, are made from the server's schema.

/** @import * as T from './api-types.d.ts' */

import { parseExact } from './exact.js';

const PATIENCE = 60_000;  // ms
const AWAY = 60_000;      // ms that a server may be away while a job is followed
const PAUSE = 500;
const FILES = ['image/png', 'image/jpeg', 'image/webp', 'application/zip', 'application/octet-stream'];
const ENDED = ['done', 'failed', 'cancelled'];

/** Why a call failed. `status` is 0 where no answer came: `late` says that it would have come later than one waits. */
export class Problem extends Error {
  /**
   * @param {string} message
   * @param {{status?: number, field?: string, advice?: string, late?: boolean}} [more]
   */
  constructor(message, { status = 0, field, advice, late = false } = {}) {
    super(message);
    this.status = status;
    this.field = field;
    this.advice = advice;
    this.late = late;
  }
}

/**
 * One call. The answer is JSON as values, or a picture or an archive as a Blob. Throws a `Problem`.
 * @param {string} url
 * @param {{method?: string, json?: unknown, body?: Blob, headers?: Record<string, string>, patience?: number}} [options]
 * @returns {Promise<any>}
 */
export async function call(url, { method = 'GET', json, body, headers = {}, patience = PATIENCE } = {}) {
  /** @type {RequestInit & {headers: Record<string, string>}} */
  const options = { method, signal: AbortSignal.timeout(patience), headers: { ...headers } };
  if (json !== undefined) {
    options.headers['Content-Type'] = 'application/json';
    options.body = JSON.stringify(json);
  } else if (body !== undefined) options.body = body;
  const answer = await reached(url, options);
  if (answer.ok && FILES.includes(answer.headers.get('Content-Type') ?? '')) return answer.blob();
  const content = await answer.text().then(parseExact).catch(() => undefined);  // cut off, or not ours
  if (!answer.ok) throw refusal(answer, content);
  if (content === undefined) throw new Problem('The answer did not arrive whole. Try again.', { status: answer.status });
  return content;
}

/** @type {(url: string, options: RequestInit) => Promise<Response>} */
async function reached(url, options) {
  try {
    return await fetch(url, options);
  } catch (problem) {
    const late = problem instanceof DOMException && problem.name === 'TimeoutError';
    throw new Problem(late ? 'The server does not answer.' : 'Not connected.', { late });
  }
}

/**
 * The method and the address of a route, its parts filled in; what is undefined or null is left out.
 * @param {string} route
 * @param {{path?: Record<string, unknown>, query?: Record<string, unknown>}} [given]
 */
export function addressOf(route, { path = {}, query = {} } = {}) {
  const [method, pattern] = route.split(' ');
  const address = pattern.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(path[name])));
  const asked = Object.entries(query).filter(([, value]) => value !== undefined && value !== null).map(([name, value]) => [name, String(value)]);
  return { method, address: asked.length ? `${address}?${new URLSearchParams(asked)}` : address };
}

/** @type {(answer: Response, content: any) => Problem} */
function refusal(answer, content) {
  const told = content?.message ?? (typeof content?.detail === 'string' ? content.detail : `The server answered ${answer.status}.`);
  return new Problem(told, { status: answer.status, field: content?.field, advice: content?.advice });
}

export class Darkroom {
  /**
   * @param {string} [server]
   * @param {{key?: string, owner?: string}} [who] an API key or an access key, and the name to act under
   */
  constructor(server = 'http://127.0.0.1:7860', { key, owner } = {}) {
    this.server = server.replace(/\/+$/, '');
    /** @type {Record<string, string>} */
    this.headers = { ...(key && { Authorization: `Bearer ${key}` }), ...(owner && { 'X-Owner': owner }) };
  }

  /**
   * Any route of the API, by its method and path: `ask('POST /api/v1/jobs/{job_id}/retry', { path: { job_id } })`. What it takes and
   * what it answers is in the schema.
   * @template {keyof T.Routes} R
   * @param {R} route
   * @param {T.Given<R>} given
   * @returns {Promise<T.Answer<R>>}
   */
  ask(route, ...given) {
    const { path, query, headers, ...rest } = /** @type {any} */ (given[0] ?? {});
    const { method, address } = addressOf(route, { path, query });
    return call(this.server + address, { method, ...rest, headers: { ...this.headers, ...headers } });
  }

  /**
   * Queue a job; the same idempotency key gives the same job again.
   * @param {T.Sent<T.GenerationRequest>} request
   * @param {{idempotencyKey?: string}} [more]
   */
  submit(request, { idempotencyKey } = {}) {
    return this.ask('POST /api/v1/jobs', { json: request, headers: idempotencyKey ? { 'Idempotency-Key': idempotencyKey } : {} });
  }

  /** @param {string} job_id */
  job(job_id) {
    return this.ask('GET /api/v1/jobs/{job_id}', { path: { job_id } });
  }

  /**
   * Stop a job: now, only the picture being made ('skip'), or after it ('after').
   * @param {string} job_id
   * @param {'stop' | 'skip' | 'after'} [how]
   */
  cancel(job_id, how = 'stop') {
    return this.ask('DELETE /api/v1/jobs/{job_id}', { path: { job_id }, query: { how } });
  }

  /**
   * What happens to a job, until it has ended. Goes on where it was when the connection is lost.
   * @param {string} id
   * @param {number} [after]
   * @returns {AsyncGenerator<T.JobEventBody>}
   */
  async *follow(id, after = 0) {
    for (let until = Date.now() + AWAY; ; await new Promise((go) => setTimeout(go, PAUSE))) {
      try {
        for await (const event of this.#events(id, after)) {
          after = Math.max(after, event.seq ?? 0);
          until = Date.now() + AWAY;
          yield event;
          if (ENDED.includes(event.type)) return;
        }
      } catch (problem) {
        if (problem instanceof Problem && problem.status || Date.now() > until) throw problem;
      }
    }
  }

  /**
   * The job once it has ended. Throws a `Problem` where it failed.
   * @param {string} id
   * @returns {Promise<T.JobBody>}
   */
  async wait(id) {
    for await (const _ of this.follow(id));
    const job = await this.job(id);
    if (job.error) throw new Problem(job.error.message, { advice: job.error.advice, field: job.error.field ?? undefined });
    return job;
  }

  /**
   * Keep a picture; its `id` is what `init` and `mask` take.
   * @param {Blob} file
   */
  upload(file) {
    return this.ask('POST /api/v1/images', { body: file, headers: { 'Content-Type': file.type || 'application/octet-stream' }, patience: 10 * PATIENCE });
  }

  /**
   * A picture's file.
   * @param {string} image_id
   * @returns {Promise<Uint8Array>}
   */
  async picture(image_id) {
    const file = await this.ask('GET /api/v1/images/{image_id}', { path: { image_id } });
    return new Uint8Array(await file.arrayBuffer());
  }

  /**
   * @param {string} id
   * @param {number} after
   * @returns {AsyncGenerator<T.JobEventBody>}
   */
  async *#events(id, after) {
    const answer = await reached(`${this.server}/api/v1/jobs/${encodeURIComponent(id)}/events?after=${after}`, { headers: this.headers });
    if (!answer.ok) throw refusal(answer, await answer.text().then(parseExact).catch(() => undefined));
    let rest = '';
    for await (const part of texts(answer)) {
      const lines = (rest + part).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.startsWith('data:')) yield parseExact(line.slice(5));
    }
  }
}

/**
 * An answer's text as it comes.
 * @param {Response} answer
 * @returns {AsyncGenerator<string>}
 */
async function* texts(answer) {
  const reader = answer.body?.getReader();
  const decoder = new TextDecoder();
  try {
    for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) yield decoder.decode(part.value, { stream: true });
  } finally {
    await reader?.cancel();
  }
}
