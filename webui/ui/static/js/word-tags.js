// @ts-check
// How words are put into a prompt: wildcards at the cursor, styles around what is there.

/**
 * `text` as it is put behind what a prompt has up to the cursor.
 * @param {string} prompt up to the cursor
 * @param {string} text
 */
export const setApart = (prompt, text) => `${prompt && !/[\s({|]$/.test(prompt) ? ' ' : ''}${text}`;

/** @type {(own: string, style: string) => string} */
const joined = (own, style) => (style.includes('{prompt}') ? style.split('{prompt}').join(own) : [own.trim(), style.trim()].filter(Boolean).join(', '));

/**
 * Both prompts with the words of the chosen styles.
 * @param {ReadonlyArray<{name: string, prompt: string | null, negative_prompt: string | null}>} styles
 * @param {readonly string[]} chosen
 * @param {string} prompt
 * @param {string} negative
 */
export function withStyles(styles, chosen, prompt, negative) {
  for (const name of chosen) {
    const style = styles.find((each) => each.name === name);
    prompt = joined(prompt, style?.prompt ?? '');
    negative = joined(negative, style?.negative_prompt ?? '');
  }
  return { prompt, negative_prompt: negative };
}
