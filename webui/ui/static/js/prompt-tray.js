// @ts-check
/** @import { Tag } from './lora-tags.js' */
/** @import { ShelfCard } from './api-types.d.ts' */
// Under the prompt: a line for a bracket without its partner, and a row for each LoRA, hypernetwork, embedding and style. The text stays what is sent; a row only changes it.

import { $, el, icon, iconButton } from './dom.js';
import { unbalanced } from './brackets.js';
import { form } from './form.js';
import { count as counted, t } from './language.js';
import { isTemplate, lastPart, switched, tagsIn, weighed, without, wordsIn } from './lora-tags.js';
import { known, learnOnce, pictureOf, whenKnown } from './shelf-models.js';
import { cardOfTag, isElsewhere, stylesNow, toggleStyle } from './shelf-use.js';
import { component, state } from './state.js';
import { putInto } from './typing.js';

const STEP = 0.05, MOST = 2;
const PAUSE = 700;  // ms: who is typing a bracket is about to close it

/** @typedef {{key: string, kind: string, name: string, card?: ShelfCard, tag?: Tag, word?: {start: number, end: number}, style?: boolean}} Entry */

component('prompt-tray', (root) => {
  const warning = el('p.bracket-line', { role: 'status', hidden: true, title: t('It is read as text; Generate works all the same') }), rows = el('div.prompt-rows', { role: 'list', 'aria-label': t('LoRA, embeddings and styles') });
  /** @type {any} */
  const it = { warning, rows, nodes: new Map(), before: new Map(), told: null, timer: 0 };
  root.append(warning, rows);
  document.addEventListener('input', ({ target }) => { if (target instanceof Element && target.matches('#prompt textarea')) show(it); });
  whenKnown(() => { it.told = null; show(it); });
  return { draw: () => show(it) };
});

const area = () => /** @type {HTMLTextAreaElement | null} */ ($('#prompt textarea'));

/** What the prompt says now: while somebody writes, the form hears of it a moment later. */
const prompt = () => { const box = area(); return box && document.activeElement === box ? box.value : String(form.values.prompt ?? box?.value ?? ''); };

/** @param {any} it */
function show(it) {
  const text = prompt(), styles = stylesNow(), now = `${text}\n${styles.join('\n')}\n${state.place.where}`;
  if (now === it.told) return;
  it.told = now;
  const open = unbalanced(text);
  clearTimeout(it.timer);
  if (!open || !it.warning.hidden) warn(it, open?.text ?? '');
  else it.timer = setTimeout(() => warn(it, open.text), PAUSE);
  const entries = entriesOf(text, styles);
  if (entries.length && !known.ready) learnOnce().catch(() => {});
  const nodes = new Map(entries.map((entry) => {
    const node = it.nodes.get(entry.key) ?? make(it, entry);
    update(it, node, entry);
    return [entry.key, node];
  }));
  it.nodes = nodes;
  const wanted = [...nodes.values()];
  if (wanted.length !== it.rows.children.length || wanted.some((node, n) => it.rows.children[n] !== node)) it.rows.replaceChildren(...wanted);
  it.rows.hidden = !wanted.length;
}

/** @param {any} it @param {string} text */
function warn(it, text) {
  if (it.warning.textContent !== text) it.warning.textContent = text;
  it.warning.hidden = !text;
}

/** @param {string} text @param {string[]} styles @returns {Entry[]} */
function entriesOf(text, styles) {
  const seen = new Map();
  const key = (/** @type {string} */ name) => { seen.set(name, (seen.get(name) ?? 0) + 1); return `${name}#${seen.get(name)}`; };
  const tags = tagsIn(text).map((tag) => ({ at: tag.start, entry: { key: key(`${tag.kind}:${tag.name}`), kind: tag.kind, name: tag.name, card: cardOfTag(tag.kind, tag.name), tag } }));
  const words = wordsIn(text, known.embeddings).map(({ start, end, word }) => ({ at: start, entry: { key: key(`word:${word.id}`), kind: 'embedding', name: lastPart(word.name), card: word, word: { start, end } } }));
  return [...[...tags, ...words].sort((a, b) => a.at - b.at).map(({ entry }) => entry), ...styles.map((name) => ({ key: key(`style:${name}`), kind: 'style', name, style: true }))];
}

/** The tag or word of a row as the prompt has it now: what was drawn may be older. @param {any} node */
const fresh = (node) => entriesOf(area()?.value ?? '', stylesNow()).find((entry) => entry.key === node.entry.key);

/** @param {any} it @param {Entry} entry */
function make(it, entry) {
  const picture = el('span.prompt-row-picture', {}, entry.style ? '@' : icon('layers'));
  const name = el('span.prompt-row-name'), note = el('span.prompt-row-note');
  const node = el('div.prompt-row', { role: 'listitem', 'data-kind': entry.kind }, picture, el('span.prompt-row-words', {}, name, note));
  Object.assign(node, { entry, name, note, picture });
  if (entry.tag) {
    const slide = el('input.prompt-row-slider', { type: 'range', max: MOST, step: STEP, 'aria-label': t('Weight of {name}', { name: entry.name }), oninput: () => { node.number.value = slide.value; fillOf(slide); }, onchange: () => weigh(node, Number(slide.value)) });
    slide.addEventListener('wheel', (/** @type {WheelEvent} */ event) => { if (document.activeElement !== slide) return; event.preventDefault(); weigh(node, Number(slide.value) + (event.deltaY < 0 ? STEP : -STEP)); }, { passive: false });
    const number = el('input.prompt-row-number', { type: 'text', inputmode: 'decimal', 'aria-label': t('Weight of {name}, as a number', { name: entry.name }), autocomplete: 'off', onchange: () => { const wanted = Number(number.value.replace(',', '.')); if (number.value.trim() && Number.isFinite(wanted)) weigh(node, wanted); else { it.told = null; show(it); } } });
    const eye = iconButton('eye', '', () => turn(it, node), { class: 'tool prompt-row-eye' });
    node.append(slide, number, eye);
    Object.assign(node, { slide, number, eye });
  }
  node.append(iconButton('close', t('Take {name} out of the prompt', { name: entry.name }), () => remove(node), { class: 'tool prompt-row-out' }));
  return node;
}

/** @param {any} it @param {any} node @param {Entry} entry */
function update(it, node, entry) {
  node.entry = entry;
  const { tag, card } = entry, address = pictureOf(card ?? {});
  const isKnown = !tag || Boolean(card) || !known.ready || isTemplate(entry.name) || isElsewhere();
  node.name.textContent = entry.name;
  node.note.textContent = !isKnown ? t('not found') : card?.error ? t('broken') : tag?.own ? t('text apart') : tag && tag.weight === null ? t('own weights') : entry.style ? count(entry.name) : entry.word ? t('Embedding') : '';
  node.note.title = card?.error ?? (isKnown ? '' : t('There is no {kind} of this name: the picture is made without it.', { kind: entry.kind === 'hypernetwork' ? t('Hypernetwork') : t('LoRA') }));
  node.toggleAttribute('data-unknown', !isKnown || Boolean(card?.error));
  if (node.address !== address) {
    node.address = address;
    if (!entry.style) node.picture.replaceChildren(address ? el('img', { src: address, alt: '', decoding: 'async' }) : icon('layers'));
  }
  if (!node.slide) return;
  const off = tag?.weight === 0, has = tag?.weight !== null;
  node.number.hidden = node.eye.hidden = !has;
  node.slide.hidden = !has || !isKnown;
  node.toggleAttribute('data-off', off);
  if (!has || !tag) return;
  node.slide.min = Number(tag.weight) < 0 ? -MOST : 0;
  if (document.activeElement !== node.number) node.number.value = String(tag.weight);
  node.slide.value = String(tag.weight);
  fillOf(node.slide);
  node.eye.firstChild.className = `glyph icon-${off ? 'eye-off' : 'eye'}`;
  node.eye.title = off ? t('Switch {name} on', { name: entry.name }) : t('Switch {name} off', { name: entry.name });
  node.eye.setAttribute('aria-label', node.eye.title);
  if (!off) it.before.set(entry.key, tag.weights);
}

/** @type {(name: string) => string} */
function count(name) {
  const phrases = (known.styles.find((each) => each.name === name)?.prompt ?? '').split(',').filter((each) => each.trim()).length;
  return phrases ? counted(phrases, 'phrase') : '';
}

/** How far a slider's track is filled. @param {any} slide */
const fillOf = (slide) => slide.style.setProperty('--range_progress', `${((slide.value - slide.min) / (slide.max - slide.min)) * 100}%`);

/** @param {any} node @param {number} weight */
function weigh(node, weight) {
  const tag = fresh(node)?.tag, box = area();
  if (tag && box) putInto(box, weighed(tag, Math.min(Math.max(weight, -10), 10)));
}

/** @param {any} it @param {any} node */
function turn(it, node) {
  const tag = fresh(node)?.tag, box = area();
  if (tag && box) putInto(box, switched(tag, it.before.get(node.entry.key)));
}

/** @param {any} node */
function remove(node) {
  if (node.entry.style) return toggleStyle(node.entry.name);
  const entry = fresh(node), piece = entry?.tag ?? entry?.word, box = area();
  if (piece && box) putInto(box, without(box.value, piece));
}
