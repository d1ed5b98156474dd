// @ts-check
// Roles, as people read them.

import { t } from './language.js';

/** @type {Array<'guest' | 'member' | 'owner'>} */
export const ROLES = ['guest', 'member', 'owner'];

/** @param {string} role */
export const withArticle = (role) => (role === 'owner' ? t('An owner') : role === 'member' ? t('A member') : t('A guest'));

/** What stands on the button of who one is: the first letter of the name. @param {string} name */
export const initial = (name) => ([...name.trim()][0] ?? '?').toLocaleUpperCase();
