// @ts-check
// The Grid tab: up to three axes over what the form says, how many cells that are, and the grids that there are.

/** @import { AxisKind, GridBody } from './api-types.d.ts' */

import { grids, images, page } from './api.js';
import { batchFold } from './batch.js';
import { $, button, el, heading, iconButton, noticeItem, openDialog } from './dom.js';
import { form, formRequest } from './form.js';
import { countOf, ended, joined, nameOf, progressOf, stepOf } from './grid-words.js';
import { t } from './language.js';
import { component, parts, state } from './state.js';
import { complain, orPayAgain, toast } from './toast.js';
import { openViewer } from './viewer.js';

const AXES = ['X', 'Y', 'Z'];
const PERIOD = 1500;  // ms between two looks while a grid is being made

component('grid', (root) => {
  /** @type {any} */
  const it = { kinds: [], rows: [], known: new Map(), timer: 0, turn: 0, typing: 0 };
  it.rows = AXES.map((name, place) => axisRow(it, name, place));
  it.title = el('input', { type: 'text', placeholder: t('Title'), 'aria-label': t('Title of the grid'), maxlength: 200 });
  it.seeds = el('input', { type: 'checkbox' });
  it.count = el('span.muted', { role: 'status' });
  it.base = el('p.muted', {});
  it.error = el('p.danger', { role: 'alert', hidden: true });
  it.list = el('div.grids', { role: 'list', 'aria-label': t('Grids') });
  const start = el('button.primary-action', { type: 'button', onclick: () => make(it) }, t('Make the grid'));
  root.append(el('div.narrow', {}, heading(t('Grid')), el('div.card.grid-form', {}, it.base, it.rows.map((row) => row.node),
    el('div.grid-line', {}, it.title, el('label.switch', {}, it.seeds, el('span', {}, t('A new seed for each cell')))), it.error,
    el('div.grid-line', {}, start, it.count)), batchFold(() => look(it)), it.list));
  return { opened: () => open(it) };
});

/** @param {any} it @param {string} name @param {number} place */
function axisRow(it, name, place) {
  const kind = el('select', { 'aria-label': t('{name} axis', { name }), onchange: () => { mark(it, row); count(it); } }, el('option', { value: '' }, place ? t('Nothing') : t('Choose …')));
  const values = el('textarea', { rows: 1, 'aria-label': t('Values of the {name} axis', { name }), placeholder: t('Values'), oninput: () => count(it) });
  const fill = iconButton('down', t('All values of the {name} axis', { name }), () => { values.value = joined(row.kind()?.choices ?? []); count(it); }, { disabled: true });
  const row = { node: el('div.grid-axis', {}, el('b', {}, name), kind, values, fill), select: kind, values, fill, kind: () => it.kinds.find((each) => each.kind === kind.value) };
  return row;
}

/** What the values look like depends on the kind. */
function mark(it, row) {
  const kind = row.kind();
  row.fill.disabled = !kind?.choices.length;
  const examples = { 'Prompt S/R': t('cat, dog, "red fox"'), 'Prompt matrix': t('empty: the parts behind | in the prompt'), Prompts: t('a line for each prompt'), Size: '512x512, 512x768', Loopback: t('loops, last strength, curve: 4, 0.5, Linear'), 'Seed travel': '1, 2, 3 [17]', Travel: t('a line for each prompt, then [17] pictures'), LoRA: t('name:0.8, None') };
  row.values.placeholder = !kind ? t('Values') : examples[kind.kind] ?? (kind.choices.length ? joined(kind.choices.slice(0, 2)) : t('1, 2 or 10-30 (+5) or 1-10 [4]'));
  row.values.rows = ['Prompts', 'Travel'].includes(kind?.kind) ? 4 : 1;
  return it;
}

async function open(it) {
  if (state.tab !== 'grid') return;
  it.base.textContent = t('Made of what {mode} says: {prompt}', { mode: state.mode, prompt: String(form.values.prompt ?? '').slice(0, 120) || t('no prompt') });
  try {
    if (!it.kinds.length) {
      it.kinds = (await grids.axes()).kinds;
      for (const row of it.rows) row.select.append(...it.kinds.map((/** @type {AxisKind} */ kind) => el('option', { value: kind.kind }, t(kind.name))));
    }
    await look(it);
  } catch (problem) {
    it.list.replaceChildren(noticeItem(t('The grids cannot be listed'), problem.message, button('refresh', t('Try again'), () => open(it))));
  }
  count(it);
}

const wishOf = (it) => ({
  axes: it.rows.filter((row) => row.select.value).map((row) => ({ kind: row.select.value, values: row.values.value })),
  title: it.title.value,
  new_seeds: it.seeds.checked,
});

/** How many cells there will be, said before anything is made; what is wrong is said too. */
function count(it) {
  clearTimeout(it.typing);
  it.typing = setTimeout(async () => {
    const mine = ++it.turn, wish = wishOf(it);
    it.error.hidden = true;
    it.count.textContent = '';
    if (!wish.axes.length) return;
    try {
      const told = await page.countGrid({ values: await formRequest(), ...wish });
      if (mine === it.turn) it.count.textContent = countOf(told.sides);
    } catch (problem) {
      if (mine === it.turn && wish.axes.every((axis) => axis.values || axis.kind === 'Prompt matrix')) say(it, problem);
    }
  }, 300);
}

function say(it, problem) {
  it.error.textContent = problem.message;
  it.error.hidden = false;
}

async function make(it) {
  const wish = wishOf(it);
  if (!wish.axes.length) return say(it, new Error(t('Choose what the X axis varies.')));
  try {
    const grid = await page.makeGrid({ values: await formRequest(), ...wish });
    it.error.hidden = true;
    toast(t('{cells} on their way', { cells: countOf(grid.sides) }));
    await look(it);
  } catch (problem) {
    say(it, problem);
  }
}

/** The list as it is now, again while something is being made and the tab is open. */
async function look(it) {
  clearTimeout(it.timer);
  const told = await grids.list();
  const shown = told.grids.map((grid) => card(it, grid));
  it.list.replaceChildren(...shown);
  if (!shown.length) it.list.append(noticeItem(t('No grid yet'), t('Choose what varies, write its values, and make it.')));
  if (state.tab === 'grid' && told.grids.some((grid) => grid.state === 'active')) it.timer = setTimeout(() => look(it).catch(complain), PERIOD);
}

/** A grid's card is made anew only when something of it has changed, so that nothing is taken from under a hand. @param {any} it @param {GridBody} grid */
function card(it, grid) {
  const seen = JSON.stringify([grid.counts, grid.state, grid.total]);
  const known = it.known.get(grid.id);
  if (known?.seen === seen) return known.node;
  const act = (/** @type {Promise<unknown>} */ going) => going.then(() => look(it)).catch(complain);
  const has = Boolean(grid.counts.done);
  const drawn = has ? pictureOf(grid, known?.drawn) : null;
  const node = el('div.card.grid-card', { role: 'listitem', 'data-id': grid.id, 'data-state': grid.state },
    el('div.card-head', {}, el('h3', {}, nameOf(grid)), el('span.muted', {}, progressOf(grid))),
    el('progress', { max: grid.total, value: ended(grid), 'aria-label': t('Cells done'), hidden: grid.state !== 'active' }),
    ...grid.axes.map((axis) => el('p.muted', {}, `${t(axis.title)}: ${axis.labels.slice(0, 12).join(', ')}${axis.labels.length > 12 ? ` … (${axis.labels.length})` : ''}`)),
    has && el('button.grid-picture', { type: 'button', title: t('Open the cells'), 'aria-label': t('Open the cells'), onclick: () => cells(grid.id) },
      drawn),
    el('div.row-of-buttons', {},
      button('grid', t('Open the grid'), () => parts.stage?.openGrid(grid.id)),
      has && el('a.action', { href: grids.picture(grid.id), target: '_blank', title: t('Open the labelled picture') }, el('span', {}, t('Labelled picture'))),
      has && el('a.action', { href: grids.animation(grid.id), target: '_blank', title: t('The pictures one after another, as WebP') }, el('span', {}, t('Animation'))),
      el('a.action', { href: grids.export(grid.id), title: t('Export as JSON') }, el('span', {}, t('Export as JSON'))),
      grid.state !== 'cancelled' && button('plus', t('Add values'), () => addValues(it, grid)),
      Boolean(grid.counts.failed) && grid.state !== 'cancelled' && button('refresh', t('Try failed cells again'), () => grids.retry(grid.id).then(() => look(it)).catch(orPayAgain(() => act(grids.retry(grid.id, true))))),
      grid.state === 'active' && button('close', t('Stop the grid'), () => act(grids.stop(grid.id)))));
  it.known.set(grid.id, { seen, node, drawn });
  return node;
}

/** The labelled picture: drawn anew at each quarter of the cells only, because the server reads all of them for it. @param {GridBody} grid @param {HTMLImageElement | null} [before] */
function pictureOf(grid, before) {
  const address = `${grids.picture(grid.id)}?format=webp&side=256&n=${stepOf(grid)}`;
  return before?.getAttribute('src') === address ? before : el('img', { src: address, alt: t('Labelled picture of {grid}', { grid: nameOf(grid) }) });
}

/** The cells' pictures in the viewer, in the grid's order. @param {string} id */
async function cells(id) {
  try {
    const told = await grids.get(id);
    const ordered = [...told.cells].sort((a, b) => a.z - b.z || a.y - b.y || a.x - b.x).flatMap((cell) => cell.images.slice(0, 1));
    const made = await Promise.all(ordered.slice(0, 200).map((image) => images.record(image.id).catch(() => null)));
    const shown = made.filter((image) => image !== null);
    if (shown.length) openViewer(() => shown, shown[0]);
  } catch (problem) {
    complain(problem);
  }
}

/** @param {any} it @param {GridBody} grid */
function addValues(it, grid) {
  const axis = el('select', { 'aria-label': t('Axis') }, ...grid.axes.map((each, place) => el('option', { value: AXES[place].toLowerCase() }, `${AXES[place]}: ${t(each.title)}`)));
  const values = el('input', { type: 'text', 'aria-label': t('Further values'), placeholder: t('Further values') });
  const keep = async () => {
    try {
      await grids.add(grid.id, { axis: axis.value, values: values.value });
      box.close();
      await look(it);
    } catch (problem) {
      complain(problem);
    }
  };
  values.onkeydown = (event) => { if (event.key === 'Enter') keep(); };
  const box = el('dialog.picker', { 'aria-label': t('Add values'), onclose: () => box.remove() }, el('h2', {}, t('Add values')), axis, values,
    el('div.row-of-buttons', {}, button('plus', t('Add'), keep), button('close', t('Cancel'), () => box.close())));
  openDialog(box);
  $('input', box)?.focus();
}
