// @ts-check
// Above the gallery's pictures: places and collections. Below them: what can be done with those that are chosen.

import { collections, images } from './api.js';
import { toggled } from './contact-sheet.js';
import { $, $$, button, el, icon, iconButton } from './dom.js';
import { count as counted } from './format.js';
import { grouped, t } from './language.js';
import { undoable } from './last-undo.js';
import { draw, parts, state } from './state.js';
import { complain, toast } from './toast.js';

const MOST_COMPARED = 4;
const MARKS = [[t('Kept'), 'kept', 'flag'], [t('Rejected'), 'rejected', 'close'], [t('4 stars'), 'rated>=4', 'check']];
const CALM = 250;  // ms after which the numbers are asked for

/**
 * Mark pictures, with a way back. False where it could not be done.
 * @param {object} selection
 * @param {{rating?: number, flag?: number}} marks
 * @param {(ids: readonly string[], marks: object) => void} done
 */
export async function mark(selection, marks, done) {
  try {
    const { ids, undo } = await images.change(selection, marks);
    done(ids, marks);
    for (const image of state.images) if (ids.includes(image.id)) Object.assign(image, marks);
    const said = marks.rating === undefined ? { 1: t('Kept'), '-1': t('Rejected'), 0: t('Neither kept nor rejected') }[marks.flag ?? 0] : marks.rating ? '★'.repeat(marks.rating) : t('No stars');
    toast(ids.length === 1 ? `${said}` : `${said}: ${counted(ids.length, 'picture')}`, { action: { label: t('Undo'), run: undoable(() => takeBack(undo)) } });
    return true;
  } catch (problem) {
    complain(problem);
    return false;
  }
}

async function takeBack(token, binned = false) {
  try {
    const { ids } = await images.undo(token);
    if (binned) state.total += ids.length;
  } catch (problem) {
    complain(problem);
  }
  parts.gallery?.refresh?.(true);
  parts.viewer?.remarked();
}

/** The row of places: all, kept, the bin, and one's collections. */
export function placesBar({ query, show, at }) {
  const node = el('div.places', { role: 'toolbar', 'aria-label': t('Places') });
  let known = [], painted = '', timer = 0;
  /** @type {Record<string, number>} how many pictures a place has, by its query */
  let counts = {};
  const chip = (name, label, key, on, act) => el('button.place', { type: 'button', 'aria-pressed': String(on), onclick: act }, icon(name), el('span.place-name', {}, label), ' ', el('span.many', { 'data-of': key }));
  const fill = () => { for (const many of $$('.many', node)) many.textContent = many.dataset.of in counts ? grouped(counts[many.dataset.of] ?? 0) : ''; };
  const forget = async (each) => {
    try {
      known = (await collections.remove(each.number)).collections;
      toast(t('{name} is no collection any more; its pictures stay', { name: each.name }));
      paint();
    } catch (problem) {
      complain(problem);
    }
  };
  const save = async (form, input) => {
    try {
      known = (await collections.save(input.value.trim(), query().trim())).collections;
      form.remove();
      painted = '';
      paint();
    } catch (problem) {
      complain(problem);
    }
  };
  const ask = (event) => {
    const input = el('input', { 'aria-label': t('Name of this search'), placeholder: t('Name of this search'), maxlength: 120 });
    const form = el('form.inline-form', { onsubmit: (sent) => { sent.preventDefault(); save(form, input); } }, input, button('save', t('Save'), () => {}, { type: 'submit' }));
    event.currentTarget.replaceWith(form);
    input.focus();
  };
  function paint() {
    const words = query().trim();
    const what = JSON.stringify([words, at(), known.map((each) => each.name)]);
    if (what === painted) return;  // made anew, a button loses the click that is under way
    painted = what;
    const parts = words.split(/\s+/);
    node.replaceChildren(...[
      chip('picture', t('All'), 'all', at() === 'pictures' && !words, () => show('')),
      ...MARKS.map(([label, part, name]) => chip(name, label, part, at() === 'pictures' && parts.includes(part), () => show(at() === 'pictures' ? toggled(words, part) : part))),
      chip('trash', t('Bin'), 'bin', at() === 'bin', () => show('', 'bin')),
      known.length > 0 && el('h2.places-head', {}, t('Collections')),
      ...known.flatMap((each) => {
        const part = `collection:"${each.name}"`;
        const on = at() === 'pictures' && words === part;
        return [chip(each.query ? 'search' : 'layers', each.name, part, on, () => show(part)), on && iconButton('close', t('Remove the collection {name}', { name: each.name }), () => forget(each))].filter(Boolean);
      }),
      words && at() === 'pictures' && !words.startsWith('collection:') ? el('button.place.offer', { type: 'button', onclick: ask }, icon('plus'), el('span.place-name', {}, t('Save this search…'))) : ''].filter(Boolean));
    fill();
  }
  const learn = async () => {
    const wanted = [['', 'pictures', 'all'], ...MARKS.map(([, part]) => [part, 'pictures', part]), ['', 'bin', 'bin']];
    const [told, ...totals] = await Promise.all([collections.all().catch(() => null), ...wanted.map(([q, place]) => images.count(q, place).catch(() => null))]);
    if (!told || $('form', node)) return;
    known = told.collections;
    counts = Object.fromEntries([...wanted.map(([, , key], n) => [key, totals[n]?.total]).filter(([, total]) => total !== undefined), ...known.filter((each) => !each.query).map((each) => [`collection:"${each.name}"`, each.count])]);
    paint();
    fill();
  };
  /** What is pressed now; the numbers, which others may change, a little later. */
  const draw = () => {
    paint();
    clearTimeout(timer);
    timer = setTimeout(learn, CALM);
  };
  return { node, draw };
}

/** What can be done with the chosen pictures; hidden while there are none. */
export function bulkBar({ chosen, total, at, named, redraw, changed, marked, compare }) {
  const node = el('div.bulk', { role: 'toolbar', 'aria-label': t('Chosen pictures'), hidden: true });
  const over = (fresh) => {
    chosen.clear();
    redraw();
    return changed(fresh);
  };
  const rate = (marks) => mark(named(), marks, marked).then(() => over(false));
  const bin = async (selection) => {
    try {
      const { ids, undo, left_out: left } = await images.change(selection, { trashed: true });
      gone(ids);
      toast(t('{counted} moved to the bin', { counted: counted(ids.length, 'picture') }), { action: { label: t('Undo'), run: undoable(() => takeBack(undo, true)) } });
      if (left.length) toast(left.join(' '), { kind: 'error' });
    } catch (problem) {
      return complain(problem);
    }
    return over(true);
  };
  const restore = () => images.change(named(), { trashed: false }).then(({ ids }) => { toast(t('{counted} restored', { counted: counted(ids.length, 'picture') })); return over(true); }, complain);
  const purge = () => images.purge(named()).then(({ ids }) => { toast(t('{counted} deleted for good', { counted: counted(ids.length, 'picture') })); return over(true); }, complain);
  const put = (name) => images.change(named(), { collection: name }).then(({ ids, undo }) => {
    toast(t('{counted} in {name}', { counted: counted(ids.length, 'picture'), name }), { action: { label: t('Undo'), run: () => takeBack(undo) } });
    return over(false);
  }, complain);
  const pack = () => images.zip(named()).then((data) => {
    const link = el('a', { href: URL.createObjectURL(data), download: 'pictures.zip' });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }, complain);
  const askCollection = () => {
    const input = el('input', { 'aria-label': t('Collection'), placeholder: t('Name of the collection'), maxlength: 120, list: 'gallery-collections' });
    const form = el('form.inline-form', { onsubmit: (event) => { event.preventDefault(); if (input.value.trim()) put(input.value.trim()); } }, input, button('save', t('Add'), () => {}, { type: 'submit' }));
    node.append(form);
    input.focus();
  };
  const sure = (event) => {
    const asked = button('trash', t('Delete {counted} for good? They cannot be brought back.', { counted: counted(chosen.count(total()), 'picture') }), purge, { class: 'action danger-action' });
    event.currentTarget.replaceWith(asked);
    asked.focus();
  };
  const draw = () => {
    node.hidden = chosen.empty;
    if (chosen.empty) return node.replaceChildren();
    const many = chosen.count(total());
    const acts = at() === 'bin'
      ? [button('undo', t('Restore'), restore), el('button.action', { type: 'button', onclick: sure }, t('Delete for good…'))]
      : [button('plus', t('Keep'), () => rate({ flag: 1 })), button('minus', t('Reject'), () => rate({ flag: -1 })), stars(rate), !chosen.all && many > 1 && many <= MOST_COMPARED && button('compare', t('Compare'), compare, { title: t('Compare (C)') }), button('layers', t('Add to collection…'), askCollection, { class: 'action slim' }), button('save', 'ZIP', pack, { class: 'action slim' }), button('trash', t('Delete'), () => bin(named()), { class: 'action slim' })];
    node.replaceChildren(el('span', { 'aria-live': 'polite' }, t('{counted} chosen', { counted: counted(many, 'picture') })), !chosen.all && many < total() && button('grid', t('All {total}', { total: total() }), () => { chosen.everything(); redraw(); }), ...acts.filter(Boolean), iconButton('close', t('Choose none (Esc)'), () => { chosen.clear(); redraw(); }));
  };
  return { node, draw, bin };
}

const stars = (rate) => el('span.stars', { role: 'group', 'aria-label': t('Stars') }, [1, 2, 3, 4, 5].map((n) => el('button.star', { type: 'button', title: `${counted(n, 'star')} (${n})`, 'aria-label': counted(n, 'star'), onclick: () => rate({ rating: n }) }, '★')));

/** They are not in the strip of the last pictures any more either. */
function gone(ids) {
  const known = new Set(ids);
  state.images = state.images.filter((image) => !known.has(image.id));
  if (known.has(state.shown)) state.shown = state.images[0]?.id ?? null;
  state.total -= ids.length;
  draw();
}
