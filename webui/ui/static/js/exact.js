// @ts-check
// Numbers that JavaScript would round stay what they are: a whole number beyond 2^53 is its digits, as a text, everywhere on the page.

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const WHOLE = /^-?\d+$/;

/**
 * JSON as values; whole numbers that a double cannot hold come as texts of their digits.
 * @type {(json: string) => any}
 */
export const parseExact = (json) =>
  JSON.parse(/\d{16}/.test(json) ? json.replace(TOKEN, (token) => (WHOLE.test(token) && !Number.isSafeInteger(+token) ? `"${token}"` : token)) : json);

/**
 * What a number box holds: a number, the digits of one that a double cannot hold, '' when it is empty, and the text itself when it is no number.
 * @param {unknown} text
 * @returns {number | string}
 */
export function numberOf(text) {
  const plain = String(text ?? '').trim();
  if (plain === '' || !Number.isFinite(+plain)) return plain;
  if (!WHOLE.test(plain)) return +plain;
  return Number.isSafeInteger(+plain) ? +plain : BigInt(plain).toString();
}

/**
 * One more or one less of a whole number too large to be counted with.
 * @type {(text: string, by: number) => string | null}
 */
export const stepExact = (text, by) => (WHOLE.test(text) && !Number.isSafeInteger(+text) ? (BigInt(text) + BigInt(by)).toString() : null);
