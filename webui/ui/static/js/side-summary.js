// @ts-check
// What several pictures have in common, and in what they differ; worked out without the page.

const MOST_VALUES = 2;

/**
 * Rows of names and values, one list for each picture, parted into those that are the same everywhere and the others.
 * @param {ReadonlyArray<ReadonlyArray<readonly [string, unknown]>>} sides
 * @param {(many: number) => string} several how more than a few values are told
 * @returns {{same: Array<[string, string]>, different: Array<[string, string]>}}
 */
export function parted(sides, several) {
  /** @type {Map<string, string[]>} */
  const values = new Map();
  for (const side of sides) for (const [name, value] of side) values.set(name, [...(values.get(name) ?? []), String(value)]);
  /** @type {{same: Array<[string, string]>, different: Array<[string, string]>}} */
  const told = { same: [], different: [] };
  for (const [name, all] of values) {
    const kinds = [...new Set(all)];
    if (kinds.length === 1 && all.length === sides.length) told.same.push([name, kinds[0] ?? '']);
    else told.different.push([name, kinds.length <= MOST_VALUES ? kinds.join(' · ') : several(kinds.length)]);
  }
  return told;
}
