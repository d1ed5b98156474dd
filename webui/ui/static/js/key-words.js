// @ts-check
// What an API key may do, in words.

import { t } from './language.js';

/** @type {{label: string, scopes: Array<'read' | 'generate' | 'admin'>}[]} */
export const SCOPES = [
  { label: t('Look only'), scopes: ['read'] },
  { label: t('Look and make'), scopes: ['read', 'generate'] },
  { label: t('Everything'), scopes: ['read', 'generate', 'admin'] },
];

/** @param {string[]} scopes */
export const mayDo = (scopes) => SCOPES[scopes.includes('admin') ? 2 : scopes.includes('generate') ? 1 : 0].label;
