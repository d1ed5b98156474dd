// @ts-check
// Which messages there are: equal ones are one with a count, and the oldest gives way. How they look is toast.js's.

/** @typedef {{label: string, run: () => void}} Action */
/**
 * @typedef {object} Note
 * @property {string} key equal for messages that say and offer the same
 * @property {string} text
 * @property {'' | 'error'} kind
 * @property {string} offer the label of what can be pressed; '' for none
 * @property {Array<() => void>} runs what pressing it does, the newest first
 * @property {number} times
 * @property {number} lasts ms
 */

const MOST = 3;  // as many at once
const SHORT = 3500, LONG = 8000;  // ms: long where there is something to press, or much to read
const MUCH = 60;  // letters

/**
 * The messages with one more, and which it is. Those that are there stay the same objects; `gone` are those that gave way.
 * @param {readonly Note[]} notes the oldest first
 * @param {string} text
 * @param {{action?: Action | null, kind?: '' | 'error'}} [options]
 */
export function added(notes, text, { action = null, kind = '' } = {}) {
  const key = [kind, action?.label ?? '', text].join('\n');
  const note = notes.find((each) => each.key === key) ?? make(key, text, kind, action);
  if (action) note.runs.unshift(action.run);
  note.times += 1;
  const all = notes.includes(note) ? [...notes] : [...notes, note];
  return { note, notes: all.slice(-MOST), gone: all.slice(0, -MOST) };
}

/**
 * @param {string} key
 * @param {string} text
 * @param {'' | 'error'} kind
 * @param {Action | null} action
 * @returns {Note}
 */
const make = (key, text, kind, action) =>
  ({ key, text, kind, offer: action?.label ?? '', runs: [], times: 0, lasts: action || kind === 'error' || text.length > MUCH ? LONG : SHORT });

/**
 * A problem in one line: what is wrong, and what to do.
 * @param {{message: string, advice?: string | null}} problem
 */
export const sentence = (problem) => [problem.message, problem.advice].filter(Boolean).join(' ');
