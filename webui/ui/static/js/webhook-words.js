// @ts-check
// When a webhook is told, in words.

/** @import { HookBody, HookWish } from './api-types.d.ts' */

import { date, t } from './language.js';

/** @type {{label: string, events: HookWish['events']}[]} */
export const ENDINGS = [
  { label: t('When a job ends'), events: ['done', 'failed', 'cancelled'] },
  { label: t('When it is done'), events: ['done'] },
  { label: t('When it fails or is stopped'), events: ['failed', 'cancelled'] },
];

/**
 * A webhook's line: whose it is, when it is told, since when, and what is wrong with it.
 * @param {Pick<HookBody, 'owner' | 'events' | 'created' | 'trouble'>} hook
 */
export function toldOf({ owner, events, created, trouble }) {
  const found = ENDINGS.find((each) => each.events.length === events.length && each.events.every((event) => events.includes(event)));
  const told = found ? found.label : t('When it is {events}', { events: events.map((event) => t(event)).join(t(' or ')) });
  return [owner, told, t('since {date}', { date: date(created) }), trouble].filter(Boolean).join(' · ');
}
