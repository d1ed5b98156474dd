// @ts-check
// The bracket check: what a prompt's reader takes as plain text because its partner is missing.

import { t } from './language.js';

/** @type {Record<string, string>} */
const OPENS = { ')': '(', ']': '[', '}': '{' };

/**
 * The first bracket without a partner, or an open tag; null where all is closed. An escaped bracket is text.
 * @param {string} prompt
 * @returns {{at: number, char: string, text: string} | null}
 */
export function unbalanced(prompt) {
  /** @type {{at: number, char: string}[]} */
  const open = [];
  for (let at = 0; at < prompt.length; at += 1) {
    const char = prompt[at];
    if (char === '\\') at += 1;
    else if (char === '<') {
      const tag = /^<\w+:[^<>]*>/.exec(prompt.slice(at, at + 400));
      if (tag) at += tag[0].length - 1;
      else if (/^<(?:lora|lyco|hypernet):/.test(prompt.slice(at, at + 10))) return { at, char, text: t('A tag is open: it ends with >') };
    } else if ('([{'.includes(char)) open.push({ at, char });
    else if (OPENS[char]) {
      if (open.at(-1)?.char === OPENS[char]) open.pop();
      else return { at, char, text: open.length ? said(open[open.length - 1].char, true) : said(char, false) };
    }
  }
  const last = open.at(-1);
  return last ? { ...last, text: said(last.char, true) } : null;
}

/** @type {(char: string, opens: boolean) => string} */
const said = (char, opens) => `${opens ? t('A bracket is open') : t('A bracket closes nothing')}: ${char}`;
