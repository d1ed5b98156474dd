// @ts-check
// Which entries of Find a few letters mean.

/** @typedef {'action' | 'place' | 'field' | 'setting' | 'model'} FoundKind */
/** @typedef {{kind: FoundKind, title: string, also?: string, hint?: string, run: () => unknown}} Findable `also`: other words for it; `hint`: where it is */

const RANK = { action: 0, place: 1, field: 2, setting: 3, model: 4 };

/** Small letters without accents: nobody types those to find something. @param {string} text */
export const plain = (text) => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase().replaceAll('ß', 'ss');

/**
 * The entries that all words of `query` stand in, the likeliest first: a title that begins so, then one with a word that does, then one that
 * holds it, then those whose other words do. With nothing typed: actions and places.
 * @param {readonly Findable[]} entries
 * @param {string} query
 * @param {number} [most]
 * @returns {Findable[]}
 */
export function ranked(entries, query, most = 40) {
  const words = plain(query).split(/\s+/).filter(Boolean);
  if (!words.length) return entries.filter(({ kind }) => kind === 'action' || kind === 'place').slice(0, most);
  const scored = entries.map((entry, n) => ({ entry, n, score: scoreOf(entry, words) })).filter(({ score }) => score < MISSED);
  scored.sort((a, b) => a.score - b.score || RANK[a.entry.kind] - RANK[b.entry.kind] || a.entry.title.length - b.entry.title.length || a.n - b.n);
  return scored.slice(0, most).map(({ entry }) => entry);
}

const MISSED = 1000;

/** @param {Findable} entry @param {string[]} words */
function scoreOf({ title, also = '' }, words) {
  const name = plain(title), rest = plain(also);
  let score = name.startsWith(words.join(' ')) ? -1 : 0;
  for (const word of words) score += name.startsWith(word) ? 0 : beginsWord(name, word) ? 1 : name.includes(word) ? 3 : beginsWord(rest, word) ? 4 : rest.includes(word) ? 8 : MISSED;
  return score;
}

/** @param {string} text @param {string} word */
function beginsWord(text, word) {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) if (!at || !/[\p{L}\p{N}]/u.test(text[at - 1])) return true;
  return false;
}
