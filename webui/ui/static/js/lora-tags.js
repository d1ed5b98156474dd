// @ts-check
// How a LoRA is written into a prompt.

/** @type {(name: string) => string} */
const lastPart = (name) => name.slice(name.lastIndexOf('/') + 1);

/**
 * A LoRA's name in a tag: without its folder, unless another one is called so too.
 * @param {ReadonlyArray<{name: string}>} models
 * @param {{name: string}} model
 */
export function nameIn(models, { name }) {
  const short = lastPart(name).toLowerCase();
  return models.filter((other) => lastPart(other.name).toLowerCase() === short).length > 1 ? name : lastPart(name);
}

/**
 * The models whose name has these words.
 * @template {{name: string}} Model
 * @param {readonly Model[]} models
 * @param {string} words
 */
export const matching = (models, words) => models.filter((model) => model.name.toLowerCase().includes(words.trim().toLowerCase()));

/**
 * A tag as it is put behind what a prompt has up to the cursor.
 * @param {string} prompt up to the cursor
 * @param {string} name
 */
export const tagAfter = (prompt, name) => `${prompt && !/\s$/.test(prompt) ? ' ' : ''}<lora:${name}:1>`;
