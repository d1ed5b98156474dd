// @ts-check
// What an API key may do, in words.

/** @type {{label: string, scopes: Array<'read' | 'generate' | 'admin'>}[]} */
export const SCOPES = [
  { label: 'Look only', scopes: ['read'] },
  { label: 'Look and make', scopes: ['read', 'generate'] },
  { label: 'Everything', scopes: ['read', 'generate', 'admin'] },
];

/** @param {string[]} scopes */
export const mayDo = (scopes) => SCOPES[scopes.includes('admin') ? 2 : scopes.includes('generate') ? 1 : 0].label.toLowerCase();
