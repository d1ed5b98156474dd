// @ts-check
// When a webhook is told, in words.

/** @import { HookBody, HookWish } from './api-types.d.ts' */

/** @type {{label: string, events: HookWish['events']}[]} */
export const ENDINGS = [
  { label: 'When a job ends', events: ['done', 'failed', 'cancelled'] },
  { label: 'When it is done', events: ['done'] },
  { label: 'When it fails or is stopped', events: ['failed', 'cancelled'] },
];

/**
 * A webhook's line: whose it is, when it is told, since when, and what is wrong with it.
 * @param {Pick<HookBody, 'owner' | 'events' | 'created' | 'trouble'>} hook
 */
export function toldOf({ owner, events, created, trouble }) {
  const found = ENDINGS.find((each) => each.events.length === events.length && each.events.every((event) => events.includes(event)));
  const told = found ? found.label.toLowerCase() : `when it is ${events.join(' or ')}`;
  return [owner, told, `since ${new Date(created).toLocaleDateString()}`, trouble].filter(Boolean).join(' · ');
}
