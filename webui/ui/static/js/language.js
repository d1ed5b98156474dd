// @ts-check
// The page's words in the reader's language. A catalogue is English -> translation, as in A1111's localizations; the server names it in <html data-words>.
// It is here before any other module runs, so that constants may hold words. An English page asks for nothing.

/** @type {Record<string, string>} */
let catalogue = {};
const root = globalThis.document?.documentElement;
const source = root?.dataset.words;
if (source) {
  try {
    catalogue = await (await fetch(new URL(source, document.baseURI))).json();
  } catch {
    // English is better than no page
  }
}

/** The page's language, and how its numbers are written. */
export const language = source ? /([^/.]+)\.\w+\.json$/.exec(source)?.[1] ?? root.lang : 'en';

/** The language of dates: an English page shows them as the browser does. */
export const dates = source ? language : undefined;

/**
 * A text in the reader's language; `{name}` in it stands for a value. What no catalogue has stays as it is.
 * @param {string} text
 * @param {Record<string, unknown>} [values]
 * @returns {string}
 */
export function t(text, values) {
  const found = catalogue[text] || text;
  return values ? found.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole)) : found;
}

/** What reads from left to right in every language, such as 512 × 640. @type {(text: string) => string} */
export const ltr = (text) => (root?.dir === 'rtl' ? `\u2066${text}\u2069` : text);

/** @type {Map<string, any>} making one costs more than a hundred uses */
const made = new Map();

/** @type {(kind: any, locale: string | undefined, options: object) => any} */
const cached = (kind, locale, options) => {
  const key = `${kind.name}${JSON.stringify(options)}`;
  if (!made.has(key)) made.set(key, new kind(locale, options));
  return made.get(key);
};

/**
 * "3 pictures": the catalogue has `{n} pictures` and, by Intl.PluralRules, `{n} pictures [one]`, `{n} pictures [few]` …
 * @param {number} n
 * @param {string} one
 * @param {string} [many]
 * @returns {string}
 */
export function count(n, one, many = `${one}s`) {
  const key = `{n} ${many}`;
  const form = cached(Intl.PluralRules, language, {}).select(n);
  const found = catalogue[`${key} [${form}]`] || catalogue[key];
  return (found || (n === 1 ? `{n} ${one}` : key)).replace('{n}', number(n));
}

/**
 * A number as the language writes it, with so many digits behind the point; without grouping, because texts compare and copy numbers.
 * @param {number} value
 * @param {number} [digits]
 */
export const number = (value, digits) =>
  cached(Intl.NumberFormat, language, { useGrouping: false, maximumFractionDigits: digits ?? 20, minimumFractionDigits: digits ?? 0 }).format(value);

/** A large number, grouped. @param {number} value */
export const grouped = (value) => cached(Intl.NumberFormat, dates, {}).format(value);

/** @param {string | number | Date} when @param {Intl.DateTimeFormatOptions} [options] */
export const date = (when, options = { year: 'numeric', month: 'numeric', day: 'numeric' }) => cached(Intl.DateTimeFormat, dates, options).format(new Date(when));
/** @param {string | number | Date} when */
export const dateAndTime = (when) => date(when, { year: 'numeric', month: 'numeric', day: 'numeric', hour: 'numeric', minute: '2-digit', second: '2-digit' });
/** @param {string | number | Date} when */
export const timeOfDay = (when) => date(when, { hour: '2-digit', minute: '2-digit' });

// ---------------------------------------------------------------------------------------------------------- choosing
const COOKIE = 'language';

/** What was chosen in this browser; '' for what it asks servers for. */
export const chosenLanguage = () => new RegExp(`(?:^|; )${COOKIE}=([^;]*)`).exec(document.cookie)?.[1] ?? '';

/** The page comes again in this language. @param {string} tag */
export function chooseLanguage(tag) {
  const folder = new URL('.', document.baseURI).pathname;
  document.cookie = `${COOKIE}=${tag}; path=${folder}; max-age=${tag ? 31_536_000 : 0}; samesite=lax`;
  location.reload();
}

/** A language by its own name. @param {string} tag */
export function languageName(tag) {
  if (tag === 'auto') return t('auto');
  try {
    const name = new Intl.DisplayNames([tag], { type: 'language' }).of(tag) ?? tag;
    return name.charAt(0).toLocaleUpperCase(tag) + name.slice(1);
  } catch {
    return tag;
  }
}
