// @ts-check
// What the page knows, and the one loop that draws it. Parts (stage, queue, …) read `state` in their draw(); nothing else is shared.

import { $ } from './dom.js';
import { live, situation } from './status.js';

export { live };

export const MODES = ['txt2img', 'img2img', 'inpaint'];

/** @type {import('./page-types.d.ts').State} */
export const state = {
  mode: 'txt2img',
  tab: 'txt2img',
  jobs: new Map(),
  images: [],
  total: 0,
  engines: [],
  troubles: [],  // what of Darkroom itself does not work, in sentences
  owner: 'local',  // under which name this browser's jobs go
  named: true,     // that name was chosen
  admin: true,     // may change everything
  shared: false,   // others come here too
  role: 'owner',
  invited: false,  // by a link of one's own: the name is the invitation's
  may: [],         // what this role may do, as the server tells
  limits: [],  // what the queue still allows this owner
  paused: false,
  online: true,
  joined: false,  // the first snapshot has arrived
  shown: null,    // id of the picture on the stage
  watched: null,  // id of the job on the stage
  view: 'result', // on the stage of inpaint: mask or result
  source: {},     // the picture that img2img and inpaint start from: {image, width, height}
  peek: false,    // a picture was chosen while a job runs: the stage stays on it
  forever: false,
  made: 0,        // pictures since Generate forever was switched on
  place: { where: '', told: '', accepted: true },  // which backend makes the next pictures, and what is to be said of it
  now: { name: 'idle' },
};

/** @type {Record<string, any>} */
export const parts = {};

export const watchedJob = () => state.jobs.get(state.watched ?? '');
export const shownImage = () => state.images.find((image) => image.id === state.shown);
/** Whether the canvas of this mode has a picture. */
export const hasCanvas = () => (state.tab === 'img2img' || state.tab === 'inpaint') && Boolean(state.source.image);
export const inStudio = () => MODES.includes(state.tab);

let planned = 0;
export function draw() {
  if (planned) return;
  planned = requestAnimationFrame(() => {
    planned = 0;
    state.now = situation(state);
    document.body.dataset.state = state.now.name;
    for (const part of Object.values(parts)) part.draw?.();
  });
}

/** @type {Record<string, (root: any) => any>} */
const components = {};
/** `make(root)` fills the box of this name, and gives what others may ask of it. @param {string} name @param {(root: any) => any} make */
export const component = (name, make) => { components[name] = make; };

/** Fill the box of this name, once. @param {string} name */
export function mount(name) {
  const root = $(`[data-host="${name}"]`);
  if (root && !parts[name]) parts[name] = { ...components[name]?.(root) };
}
