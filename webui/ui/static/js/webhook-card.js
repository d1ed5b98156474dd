// @ts-check
// Webhooks in Settings: addresses that are told when your jobs end. The secret that signs what is sent is shown once.

import { webhooks } from './api.js';
import { el } from './dom.js';
import { t } from './language.js';
import { ENDINGS, toldOf } from './webhook-words.js';
import { secretList, shownOnce } from './secret-list.js';

const SECRET = { now: t('Copy this secret now: it is not shown again.'), label: t('The new secret'), copy: t('Copy secret'), copied: t('Secret copied') };

/** The list, and a row to add one. */
export function webhookCard() {
  const address = el('input', { id: 'webhook-url', type: 'url', maxlength: 2000, placeholder: 'https://example.org/hook' });
  const told = el('select', { 'aria-label': t('When it is told') }, ...ENDINGS.map(({ label }) => el('option', { value: label }, label)));
  return secretList({
    what: t('Webhooks'),
    words: 'webhooks webhook hook notify address url signature secret',
    about: el('div.setting-text', {}, el('label', { for: 'webhook-url' }, t('New webhook')), el('p.muted', {}, t('An address that is told when a job of yours ends. What is sent is signed with a secret that is shown once.'))),
    fields: [address, told],
    submit: t('Add webhook'),
    make: async () => {
      const made = await webhooks.make({ url: address.value.trim(), events: ENDINGS.find((each) => each.label === told.value)?.events });
      address.value = '';
      return shownOnce(SECRET, made.secret);
    },
    rows: async () => (await webhooks.all()).webhooks.map((hook) => ({
      title: hook.url,
      about: toldOf(hook),
      gone: t('{url} is told nothing more', { url: hook.url }),
      remove: () => webhooks.remove(hook.id),
    })),
  });
}
