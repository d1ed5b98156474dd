// @ts-check
// The months of the contact sheet on a line, each as long as the others, and the pictures on it; worked out without the page.

/** @typedef {{month: string, count: number}} Month */

/**
 * The scale of months in the order of the pictures: where on it (0 to 1) a picture lies, and which picture lies at a place.
 * @param {readonly Month[]} months
 */
export function scaleOf(months) {
  /** @type {number[]} where each month begins among the pictures */
  const starts = [];
  let total = 0;
  for (const { count } of months) {
    starts.push(total);
    total += count;
  }
  const monthAt = (/** @type {number} */ index) => Math.max(0, starts.findLastIndex((start) => start <= index));
  return {
    total,
    /** @param {number} index */
    placeOf(index) {
      if (!total) return 0;
      const inside = Math.min(Math.max(index, 0), total - 1);
      const at = monthAt(inside);
      const [start, count] = [starts[at] ?? 0, months[at]?.count || 1];
      return (at + (inside - start) / count) / months.length;
    },
    /** @param {number} place */
    indexOf(place) {
      if (!total) return 0;
      const far = Math.min(Math.max(place, 0), 1) * months.length;
      const at = Math.min(Math.floor(far), months.length - 1);
      return Math.min(total - 1, Math.floor((starts[at] ?? 0) + (far - at) * (months[at]?.count ?? 0)));
    },
    /** @param {number} index */
    monthOf: (index) => months[monthAt(index)]?.month ?? '',
    /** The first picture of the month that is so many further. @param {number} index @param {number} by */
    step(index, by) {
      const at = monthAt(index);
      return starts[Math.min(Math.max(by < 0 && index > (starts[at] ?? 0) ? at : at + by, 0), months.length - 1)] ?? 0;
    },
  };
}

/**
 * The marks beside the line: one for each month, with the year where it begins to be another.
 * @param {readonly Month[]} months
 * @returns {Array<{at: number, year: string}>}
 */
export function marksOf(months) {
  return months.map(({ month }, n) => ({ at: n / months.length, year: n && month.slice(0, 4) !== months[n - 1]?.month.slice(0, 4) ? month.slice(0, 4) : '' }));
}
