// @ts-check
/** @import { ShelfCard } from './api-types.d.ts' */
// The shelf: the models as cards, in a drawer beside the work; on a phone it is a sheet over all of it. Of thousands only the cards in sight exist.

import { $, $$, announce, button, el, iconButton, notice } from './dom.js';
import { page } from './api.js';
import { form } from './form.js';
import { t } from './language.js';
import { cardNode, markCard } from './shelf-card.js';
import { makeFoot } from './shelf-foot.js';
import { changed, known, learn, learnOnce, whenKnown } from './shelf-models.js';
import { checkpointCard, isElsewhere, marks, use } from './shelf-use.js';
import { foldersOf, inSight, isForeign, KINDS, shown, stepped } from './shelf-list.js';
import { inStudio, state } from './state.js';
import { store, stored } from './storage.js';
import { go } from './tabs.js';
import { sentence } from './toast-stack.js';
import { toast } from './toast.js';

const LEAST = 136, GAP = 10, WORDS = 52;  // px: a card's least width, between cards, below its picture
const NARROW = '(max-width: 760px)';
const REST = 90;  // ms after scrolling until pictures are fetched

/** @type {any} */
const it = {
  wish: { kind: 'lora', q: '', sort: 'name', fits: false, favourite: false, broken: false, folder: '' },
  found: /** @type {ShelfCard[]} */ ([]),
  nodes: new Map(),  // of the cards in sight, by id
  at: 0,             // the card that the Tab key stops at
  columns: 3, row: 200, side: 150,
  open: false, pushed: false, failed: '',
  marks: new Map(),
  before: null,      // what had the focus
};

/** @param {{box: HTMLElement, search: HTMLInputElement, before: Element | null}} begun the drawer with its search field, and what had the focus before */
export function makeShelf({ box, search, before }) {
  Object.assign(it, { box, search, before });
  whenKnown(() => { if (it.open) list(); });
  return { open, toggle, escape, changed, draw: redraw, arrived: () => { if (it.open && it.pushed && !history.state?.drawer) shut(); } };
}

function toggle(kind = '') {
  if (it.open && (!kind || kind === it.wish.kind)) return close();
  open(kind || it.wish.kind);
}

/** Open it at a kind of models. */
function open(kind = 'lora') {
  if (!inStudio()) go(state.mode);
  if (!it.grid) build();
  else if (!it.open) it.before = document.activeElement;
  if (!it.open) {
    it.open = true;
    it.box.hidden = false;
    document.body.dataset.drawer = 'shelf';
    if (matchMedia(NARROW).matches) cover();
  }
  choose(kind);
  fetchAll();
  it.search.focus({ preventScroll: true });
  return true;
}

/** Over the whole of a small window nothing else is reached, and Back closes it. */
function cover() {
  it.pushed = true;
  history.pushState({ ...history.state, depth: (history.state?.depth ?? 0) + 1, drawer: true }, '');
  for (const each of $$('body > :is(div, main):not(#toasts)')) each.inert = true;
}

function close() {
  const { pushed } = it;
  shut();
  if (pushed && history.state?.drawer) history.back();
}

function shut() {
  it.open = it.pushed = false;
  it.box.hidden = true;
  delete document.body.dataset.drawer;
  for (const each of $$('body > [inert]')) each.inert = false;
  empty();
  if (it.before?.isConnected && it.before !== document.body) it.before.focus({ preventScroll: true });
}

/** Escape closes first the card's foot, then the shelf; not from a prompt, where it has other work. @param {any} target */
function escape(target) {
  if (!it.open || (!it.box.contains(target) && target !== document.body)) return false;
  if (target === it.search && it.search.value) { it.search.value = it.wish.q = ''; list(); return true; }
  if (!it.foot.close()) close();
  return true;
}

async function fetchAll() {
  it.failed = '';
  try {
    await (known.ready ? learnOnce() : learn());
  } catch (problem) {
    it.failed = sentence(problem);
    list();
  }
}

// ---------------------------------------------------------------------------------------------------------- the drawer
function build() {
  it.count = el('span');
  it.tabs = el('div.shelf-kinds', { role: 'tablist', 'aria-label': t('Kinds of models'), onkeydown: tabKey });
  it.search.addEventListener('input', () => { it.wish.q = it.search.value; it.at = 0; list(true); });
  it.search.addEventListener('keydown', searchKey);
  it.sort = picked(t('Order'), [['name', t('Name')], ['used', t('Last used')], ['added', t('Newest')], ['size', t('Largest')]], (value) => { it.wish.sort = value; });
  it.folder = picked(t('Folder'), [], (value) => { it.wish.folder = value; });
  it.fits = chip('fits', '');
  it.favourite = chip('favourite', t('★ Favourites'));
  it.broken = chip('broken', '');
  it.grid = el('div.shelf-grid', { role: 'list' });
  it.body = el('div.shelf-body', { role: 'tabpanel', id: 'shelf-list', onscroll: () => render(), onkeydown: cardKey }, it.grid);
  it.foot = makeFoot({ use: press, gone: () => focusCard(it.at) });
  it.search.after(it.sort);
  it.search.parentElement.before(el('div.shelf-head', {}, el('h2', {}, t('Shelf')), el('span.grow'), iconButton('refresh', t('Look into the folders again'), lookAgain), iconButton('close', t('Close the shelf (Esc)'), close)), it.tabs);
  it.box.append(el('div.shelf-filters', {}, it.fits, it.favourite, it.broken, el('span.grow'), it.folder), it.body, it.foot.node);
  it.box.removeAttribute('aria-busy');
  new ResizeObserver(() => {
    if (!it.open) return;
    render(it.grid.clientWidth !== it.width);
    if (it.found[it.at] && it.foot.shows(it.found[it.at])) reveal(it.at);  // its foot has grown
  }).observe(it.body);
}

/** @param {string} label @param {string[][]} options @param {(value: string) => void} take */
const picked = (label, options, take) => {
  const node = el('select.shelf-pick', { 'aria-label': label, onchange: () => { take(node.value); it.at = 0; list(true); } }, ...options.map(([value, text]) => el('option', { value }, text)));
  return node;
};

/** @param {'fits' | 'favourite' | 'broken'} name @param {string} words */
const chip = (name, words) => el('button.shelf-chip', { type: 'button', 'aria-pressed': 'false', onclick: () => { it.wish[name] = !it.wish[name]; it.at = 0; list(true); } }, words);

/** @param {string} kind */
function choose(kind) {
  const first = !it.tabs.childElementCount;
  if (first || it.wish.kind !== kind) {
    if (!first) it.search.value = '';
    Object.assign(it.wish, { kind, q: it.search.value, folder: '', broken: false, sort: stored('shelf-sort', 'name') });
    it.at = 0;
    it.foot.close();
    it.body.scrollTop = 0;
  }
  list(true);
}

/** All cards of the wished kind; styles are cards too. */
const all = () => (it.wish.kind === 'style' ? known.styles.map(styleCard) : known.cards);

/** @type {(style: {name: string, prompt: string | null}) => ShelfCard} */
const styleCard = ({ name, prompt }) => ({ id: `style:${name}`, kind: 'style', name, alias: '', title: '', family: '', family_title: '', size: 0, added: 0, preview: '', triggers: [], notes: prompt ?? '', favourite: false, weight: null, used: 0, error: '' });

/** Draw the tabs, the filters and the cards that are wished for. */
function list(isOther = false) {
  if (it.wish.sort) store('shelf-sort', it.wish.sort);
  const { wish } = it, cards = all(), own = checkpointCard();
  it.found = wish.kind === 'checkpoint' && isElsewhere() ? [] : shown(cards, wish, own);
  it.marks = marks();
  tabs();
  const of = cards.filter((card) => card.kind === wish.kind), broken = of.filter((card) => card.error).length;
  const folders = foldersOf(of, wish.kind);
  it.folder.replaceChildren(el('option', { value: '' }, t('All folders')), ...folders.map((value) => el('option', { value, selected: value === wish.folder }, value)));
  it.folder.hidden = !folders.length;
  it.sort.value = wish.sort;
  it.sort.hidden = it.favourite.hidden = wish.kind === 'style';
  it.fits.hidden = !own || !['lora', 'embedding', 'hypernetwork'].includes(wish.kind);
  it.fits.textContent = t('Fits {checkpoint}', { checkpoint: own?.name.split('/').at(-1) ?? '' });
  it.broken.hidden = !broken && !wish.broken;
  it.broken.textContent = t('Broken {broken}', { broken });
  for (const name of ['fits', 'favourite', 'broken']) it[name].setAttribute('aria-pressed', String(wish[name]));
  if (isOther) { it.body.scrollTop = 0; it.foot.close(); }
  it.foot.renewed(cards);
  it.foot.marked(it.marks);
  render(true);
}

function tabs() {
  const counts = new Map();
  for (const card of known.cards) counts.set(card.kind, (counts.get(card.kind) ?? 0) + 1);
  counts.set('style', known.styles.length);
  const there = KINDS.filter(([kind]) => counts.get(kind) || kind === it.wish.kind || ['checkpoint', 'lora', 'embedding'].includes(kind));
  const focused = it.tabs.contains(document.activeElement);
  it.tabs.replaceChildren(...there.map(([kind, words]) => el('button.shelf-kind', {
    type: 'button', role: 'tab', id: `shelf-${kind}`, 'aria-controls': 'shelf-list', 'aria-selected': String(kind === it.wish.kind), tabindex: kind === it.wish.kind ? 0 : -1, 'data-kind': kind,
    onclick: () => { choose(kind); $(`#shelf-${kind}`).focus(); },
  }, words, kind === it.wish.kind && known.ready && el('span', {}, String(counts.get(kind) ?? 0)))));
  it.body.setAttribute('aria-labelledby', `shelf-${it.wish.kind}`);
  if (focused) $(`#shelf-${it.wish.kind}`)?.focus();
}

// ---------------------------------------------------------------------------------------------------------- cards
let resting = 0;

/** Bring the cards in sight into the page, and take the others out of it. */
function render(anew = false) {
  const width = it.grid.clientWidth;
  if (!width) return;
  if (anew) {
    it.width = width;
    it.columns = Math.max(2, Math.floor((width + GAP) / (LEAST + GAP)));
    it.side = Math.floor((width - GAP * (it.columns - 1)) / it.columns);
    it.row = (it.wish.kind === 'style' ? 40 : it.side) + WORDS + GAP;
    empty(it.found.length ? new Set(it.found.map((card) => card.id)) : null);
    const kept = new Set(it.nodes.values());
    for (const each of [...it.grid.children]) if (!kept.has(each)) each.remove();  // one by one: what has the focus keeps it
    if (!it.found.length) it.grid.append(nothing());
    it.grid.setAttribute('role', it.found.length ? 'list' : 'none');
    it.grid.setAttribute('aria-busy', String(!known.ready && !it.failed));
  }
  if (!it.found.length) return void (it.grid.style.blockSize = '');
  const sight = inSight({ count: it.found.length, columns: it.columns, row: it.row, top: it.body.scrollTop, height: it.body.clientHeight });
  it.grid.style.blockSize = `${sight.rows * it.row - GAP}px`;
  const own = checkpointCard(), wanted = new Set();
  for (let n = sight.to - 1; n >= sight.from; n -= 1) { wanted.add(it.found[n].id); place(n, own, anew); }  // from the end, so that each has its next one
  for (const [id, node] of it.nodes) if (!wanted.has(id) && !node.contains(document.activeElement)) remove(id, node);
  clearTimeout(resting);
  if (anew) pictures();
  else resting = setTimeout(pictures, REST);
}

/** @param {number} n @param {ShelfCard | null} own @param {boolean} anew */
function place(n, own, anew) {
  const card = it.found[n];
  let node = it.nodes.get(card.id);
  if (!node) {
    node = cardNode(card, { foreign: isForeign(card, own) ? own : null, press, look });
    it.nodes.set(card.id, node);
    it.grid.insertBefore(node, it.nodes.get(it.found[n + 1]?.id) ?? null);
    anew = true;
  }
  if (!anew) return;
  node.style.cssText = `inline-size:${it.side}px;block-size:${it.row - GAP}px;translate:${(n % it.columns) * (it.side + GAP)}px ${Math.floor(n / it.columns) * it.row}px`;
  node.setAttribute('aria-setsize', it.found.length);
  node.setAttribute('aria-posinset', n + 1);
  markCard(node, card, { mark: it.marks.get(card.id), isOpen: it.foot.shows(card), isStop: n === it.at });
}

function pictures() {
  for (const each of $$('img[data-src]', it.grid)) { each.src = each.dataset.src; delete each.dataset.src; }
}

/** @param {string} id @param {any} node */
function remove(id, node) {
  $('img', node)?.removeAttribute('src');
  node.remove();
  it.nodes.delete(id);
}

/** Take out all cards, or those that are no longer `among` the found ones: what is known of a card may be new. @param {Set<string> | null} [among] */
function empty(among = null) {
  for (const [id, node] of [...it.nodes]) if (!among?.has(id) || !node.contains(document.activeElement)) remove(id, node);
}

/** What stands in the place of cards. */
function nothing() {
  if (it.failed) return notice(t('The models cannot be listed'), it.failed, button('refresh', t('Try again'), fetchAll));
  if (!known.ready) return el('div.shelf-loading', { 'aria-label': t('Loading') }, ...Array.from({ length: 9 }, () => el('span')));
  const { wish } = it;
  if (wish.kind === 'checkpoint' && isElsewhere()) return notice(t('Pictures are made elsewhere'), t('{where} has models of its own: choose one in the list of the form.', { where: form.values.where }));
  if (wish.q || wish.fits || wish.favourite || wish.broken || wish.folder) {
    return notice(t('Nothing matches'), t('Try fewer words or filters.'), button('close', t('All of them'), () => { Object.assign(wish, { q: '', fits: false, favourite: false, broken: false, folder: '' }); it.search.value = ''; list(true); }));
  }
  if (wish.kind === 'style') return notice(t('Nothing here yet'), t('Keep the prompts as a style: "Save as style" in the fold Styles and wildcards.'));
  const folder = { checkpoint: 'Stable-diffusion', lora: 'Lora', embedding: 'embeddings', hypernetwork: 'hypernetworks', vae: 'VAE' }[wish.kind];
  return notice(t('Nothing here yet'), t('Put files into models/{folder}: they appear here by themselves. The Models tab gets some.', { folder }), button('refresh', t('Look again'), lookAgain));
}

async function lookAgain() {
  const before = new Set(known.cards.map((card) => card.id));
  try {
    await page.lookAgain(String(form.values.where ?? ''));
    await learn();
    const now = new Set(known.cards.map((card) => card.id));
    const [come, gone] = [[...now].filter((id) => !before.has(id)).length, [...before].filter((id) => !now.has(id)).length];
    toast(come || gone ? [come && t('{come} new', { come }), gone && t('{gone} gone', { gone })].filter(Boolean).join(', ') : t('Nothing new'));
  } catch (problem) {
    toast(sentence(problem), { kind: 'error' });
  }
}

/** A click on a card: use it, and tell more of it below. What is broken or made for another family is only told of; `anyway` knows that. @param {ShelfCard} card */
function press(card, anyway = false) {
  const foreign = isForeign(card, checkpointCard());
  const isUsed = it.marks.has(card.id);
  if (!card.error && (anyway || isUsed || !foreign)) {
    use(card);
    if (card.kind !== 'checkpoint') announce(isUsed ? t('{name} taken out', { name: card.name }) : t('{name} put in', { name: card.name }));
  }
  look(card);
}

/** Tell more of a card. @param {ShelfCard} card */
function look(card) {
  it.at = Math.max(it.found.findIndex((each) => each.id === card.id), 0);
  it.foot.show(card, { foreign: isForeign(card, checkpointCard()) ? checkpointCard() : null });
  reveal(it.at);
  remark();
}

/** What of the form shows on the cards. */
function remark() {
  it.marks = marks();
  for (const [id, node] of it.nodes) {
    const n = it.found.findIndex((each) => each.id === id);
    if (n >= 0) markCard(node, it.found[n], { mark: it.marks.get(id), isOpen: it.foot.shows(it.found[n]), isStop: n === it.at });
  }
  it.foot.marked(it.marks);
}

let told = '';
function redraw() {
  if (!it.open) return;
  if (!inStudio()) return shut();
  const { prompt, negative_prompt: negative, checkpoint, vae, styles, where } = form.values;
  const now = JSON.stringify([checkpoint, where, prompt, negative, vae, styles]);
  if (now === told) return;
  const [was, at] = JSON.parse(told || '[]'), other = was !== checkpoint || at !== where;
  told = now;
  if (other) list();
  else remark();
}

// ---------------------------------------------------------------------------------------------------------- keys
/** @param {KeyboardEvent} event */
function tabKey(event) {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!by) return;
  event.preventDefault();
  const kinds = [...it.tabs.children].map((each) => each.dataset.kind);
  choose(kinds[(kinds.indexOf(it.wish.kind) + by + kinds.length) % kinds.length]);
  $(`#shelf-${it.wish.kind}`).focus();
}

/** @param {KeyboardEvent} event */
function searchKey(event) {
  if (event.isComposing || !it.found.length) return;
  if (event.key === 'ArrowDown') { event.preventDefault(); focusCard(0); }
  if (event.key === 'Enter') { event.preventDefault(); press(it.found[0]); }
}

/** @param {any} event */
function cardKey(event) {
  if (!event.target.matches?.('.shelf-main')) return;
  const card = it.found[it.at];
  if (event.key === 'i' && card) { event.preventDefault(); return look(card); }
  if (event.key === 'ArrowUp' && it.at < it.columns) { event.preventDefault(); return it.search.focus(); }
  const to = stepped(event.key, it.at, { count: it.found.length, columns: it.columns, page: Math.max(1, Math.floor(it.body.clientHeight / it.row)) });
  if (to === null || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  focusCard(to);
}

/** Scroll as far as it takes for a card to be in sight. @param {number} n */
function reveal(n) {
  const top = Math.floor(n / it.columns) * it.row, { scrollTop, clientHeight } = it.body;
  if (top + it.row > scrollTop + clientHeight) it.body.scrollTop = top + it.row - clientHeight;
  if (top < it.body.scrollTop) it.body.scrollTop = top;
  render();
}

/** @param {number} n */
function focusCard(n) {
  if (!it.found[n]) return it.search.focus({ preventScroll: true });
  it.at = n;
  reveal(n);
  $('.shelf-main', it.nodes.get(it.found[n].id))?.focus({ preventScroll: true });
  remark();
}
