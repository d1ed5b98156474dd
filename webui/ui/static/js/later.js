// @ts-check
// Parts of the page that come when they are first asked for: `import('./…')` of what the first file has not.

import { t } from './language.js';
import { toast } from './toast.js';

/**
 * What `bring` gives, made once; nothing, and said so, where it cannot be fetched: the next wish fetches it again.
 * @template T
 * @param {() => Promise<T>} bring
 * @returns {() => Promise<T | undefined>}
 */
export function later(bring) {
  /** @type {Promise<T> | null} */
  let asked = null;
  return async () => {
    try {
      return await (asked ??= bring());
    } catch {
      asked = null;
      toast(t('This part of the page could not be fetched. Try again.'), { kind: 'error' });
    }
  };
}
