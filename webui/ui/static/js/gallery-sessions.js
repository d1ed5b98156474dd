// @ts-check
/** @import { PageImage } from './page-types.d.ts' */
// The line above the pictures of a session: when, what, what changed, how many.

import { images } from './api.js';
import { titleOf, whenOf } from './contact-sheet.js';
import { el, icon } from './dom.js';
import { count as counted } from './format.js';
import { t } from './language.js';

/** @type {Set<any>} */
let waiting = new Set();

/**
 * A session's head. What it says is asked for with that of others, and kept in `known`.
 * `folded`: it shows small pictures instead of its own, which `peek()` gives; `fold()` turns that round.
 * @param {number} session
 * @param {Map<number, any>} known
 * @param {{choose: () => void, fold: () => void, folded: boolean, peek: () => Promise<PageImage[]>}} doing
 */
export function sessionHead(session, known, { choose, fold, folded, peek }) {
  const head = el('div.session-head', { role: 'listitem', 'data-session': session, class: `session-head${folded ? ' folded' : ''}` });
  const peeks = el('span.peeks');
  if (folded && session) peek().then((some) => peeks.replaceChildren(...some.map((image) => el('img', { src: images.thumb(image.id), alt: '', loading: 'lazy' }))));
  const fill = (told) => head.replaceChildren(el('h3', {}, el('button.fold', { type: 'button', 'aria-expanded': String(!folded), onclick: fold }, icon(folded ? 'right' : 'down'), el('time', {}, whenOf(told.last, new Date())), ' ', el('span.session-title', { title: titleOf(told) }, titleOf(told)))),
    folded ? peeks : '', el('span.changes', {}, told.changed.map((change) => el('span.chip', {}, change))), el('button.session-count', { type: 'button', title: t('Choose all of these'), onclick: choose }, counted(told.count, 'picture')));
  if (!session) return head;  // not known yet
  if (known.has(session)) fill(known.get(session));
  else ask({ session, known, fill });
  return head;
}

function ask(wish) {
  if (!waiting.size) setTimeout(answerAll, 30);
  waiting.add(wish);
}

async function answerAll() {
  const wishes = [...waiting];
  waiting = new Set();
  const numbers = [...new Set(wishes.map((wish) => wish.session))];
  for (let at = 0; at < numbers.length; at += 200) {
    const { sessions } = await images.sessions(numbers.slice(at, at + 200)).catch(() => ({ sessions: [] }));
    for (const told of sessions) for (const wish of wishes) {
      if (wish.session !== told.number) continue;
      wish.known.set(told.number, told);
      wish.fill(told);
    }
  }
}
