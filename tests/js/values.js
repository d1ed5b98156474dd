// Jobs, pictures and engines as tests need them: with what the page expects to be there.

export const job = (more = {}) => ({ id: 'a', state: 'queued', owner: 'local', mine: true, order: 0, request: { steps: 20, batch_count: 1, batch_size: 1 }, images: [], ...more });

export const image = (more = {}) => ({ id: 'i', kind: 'result', path: '', job_id: null, index: 0, owner: 'local', width: 512, height: 512, seed: 1, created: '2026-01-01T00:00:00Z', notes: [], ...more });

export const engine = (more = {}) => ({ name: 'engine-1', device: 'cpu', state: 'ready', loaded: '', warm: [], resident: 0, device_used: 0, device_total: 0, message: '', job_id: '', jobs: [],
  batch: { passes: 0, answered: 0, seconds: 0, waited: 0 }, ...more });
