// @ts-check
// The line above the pictures of a session: when, what, what changed, how many.

import { images } from './api.js';
import { titleOf, whenOf } from './contact-sheet.js';
import { el } from './dom.js';
import { count as counted } from './format.js';
import { t } from './language.js';

/** @type {Set<any>} */
let waiting = new Set();

/**
 * A session's head. What it says is asked for with that of others, and kept in `known`.
 * @param {number} session
 * @param {Map<number, any>} known
 * @param {() => void} choose
 */
export function sessionHead(session, known, choose) {
  const head = el('div.session-head', { role: 'listitem', 'data-session': session });
  const fill = (told) => head.replaceChildren(el('h3', {}, el('time', {}, whenOf(told.last, new Date())), ' ', el('span.session-title', { title: titleOf(told) }, titleOf(told))),
    el('span.changes', {}, told.changed.map((change) => el('span.chip', {}, change))), el('button.session-count', { type: 'button', title: t('Choose all of these'), onclick: choose }, counted(told.count, 'picture')));
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
