// @ts-check
// Roles, as people read them.

/** @type {Array<'guest' | 'member' | 'owner'>} */
export const ROLES = ['guest', 'member', 'owner'];

/** @param {string} role */
export const withArticle = (role) => (role === 'owner' ? 'An owner' : `A ${role}`);

/** What stands on the button of who one is: the first letter of the name. @param {string} name */
export const initial = (name) => ([...name.trim()][0] ?? '?').toLocaleUpperCase();
