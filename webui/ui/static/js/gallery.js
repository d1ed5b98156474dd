// All pictures, newest first, fetched page by page as they are scrolled to.

import { images } from './api.js';
import { button, el, heading, icon, notice } from './dom.js';
import { store, stored } from './memory.js';
import { component, draw } from './state.js';
import { openViewer } from './viewer.js';
import { count as counted, promptOf } from './words.js';

const PAGE = 30;

component('gallery', (root) => {
  const it = { list: [], early: [], words: '', complete: false, busy: false, turn: 0, total: 0 };
  it.search = el('input.search', { type: 'search', placeholder: 'Search prompts', 'aria-label': 'Search prompts', oninput: () => { clearTimeout(it.timer); it.timer = setTimeout(() => reload(it), 200); } });
  const size = el('input', { type: 'range', min: 120, max: 320, value: stored('thumb', 210), 'aria-label': 'Thumbnail size', oninput: () => { store('thumb', +size.value); resize(); } });
  const resize = () => it.grid.style.setProperty('--thumb', `${size.value}px`);
  it.count = el('span.muted', { 'aria-live': 'polite' });
  it.grid = el('div.grid', { role: 'list', 'aria-label': 'Pictures' });
  it.empty = el('div', { hidden: true });
  it.end = el('div.end');
  resize();
  root.append(heading('Gallery', it.count, el('span.grow'), el('label.small-range', { title: 'Thumbnail size' }, icon('grid'), size), it.search), it.grid, it.empty, it.end);
  it.eye = new IntersectionObserver((seen) => seen.at(-1).isIntersecting && more(it), { rootMargin: '600px' });
  it.eye.observe(it.end);
  return { reload: () => reload(it), added: (image) => added(it, image) };
});

/** Ask anew. What is shown stays, and can be opened, until the answer is there. */
function reload(it) {
  Object.assign(it, { early: [], words: it.search.value.trim(), complete: false, busy: false, turn: it.turn + 1 });
  return more(it, true);
}

/** A picture was finished elsewhere on the page: put it in front without fetching everything anew. */
function added(it, image) {
  if (it.search.value || it.list.some((other) => other.id === image.id)) return;
  it.early.push(image);
  it.list.unshift(image);
  it.grid.prepend(thumb(it, image));
  it.total += 1;
  tell(it);
}

async function more(it, fresh = false) {
  if (it.busy || it.complete) return;
  it.busy = true;
  const turn = it.turn;
  try {
    const page = await images.page(fresh ? '' : it.list.at(-1)?.id, it.words, PAGE);
    if (turn === it.turn) take(it, page, fresh);
  } catch (problem) {
    if (turn !== it.turn) return;
    it.complete = true;
    it.empty.hidden = false;
    it.empty.replaceChildren(notice('The gallery cannot be read', problem.message, button('refresh', 'Try again', () => reload(it))));
  } finally {
    if (turn === it.turn) it.busy = false;
  }
}

/** A page of the server's: the first, with what was finished since it was asked for in front; or the next. */
function take(it, page, fresh) {
  const told = new Set(page.images.map((image) => image.id));
  const early = it.words ? [] : it.early.filter((image) => !told.has(image.id)).reverse();
  if (fresh) it.list = early;
  const known = new Set(it.list.map((image) => image.id));
  const news = page.images.filter((image) => !known.has(image.id));
  it.list = [...it.list, ...news];
  it.complete = page.images.length < PAGE;
  it.total = page.total + (fresh ? early.length : 0);
  if (fresh) it.grid.replaceChildren(...it.list.map((image) => thumb(it, image)));
  else it.grid.append(...news.map((image) => thumb(it, image)));
  tell(it);
  draw();
  it.eye.unobserve(it.end);
  it.eye.observe(it.end);  // says again whether the end is in sight: on a large screen one page does not fill it
}

const thumb = (it, image) => el('div', { role: 'listitem', 'data-id': image.id },
  el('button.thumb', { type: 'button', 'aria-label': promptOf(image), title: promptOf(image), onclick: () => openViewer(() => it.list, image, () => more(it)) },
    el('img', { src: images.thumb(image.id), alt: '', loading: 'lazy', width: image.width, height: image.height })));

function tell(it) {
  it.count.textContent = counted(it.total, 'picture');
  it.empty.hidden = it.list.length > 0;
  it.end.hidden = it.complete;
  if (it.list.length) return;
  it.empty.replaceChildren(it.words ? notice('No picture matches', 'Try fewer words.') : notice('Your pictures appear here', 'Make the first one in txt2img.'));
}
