// @ts-check
// How pictures fill the rows of a contact sheet, in their true formats and in groups; worked out without the page. Lengths in CSS pixels.

/** @typedef {{width?: number | null, height?: number | null, begins?: boolean}} Shape */
/** @typedef {{top: number, height: number, from: number, to: number, head: boolean}} Row pictures `from` up to `to`; a head has none, and stands before `from` */
/** @typedef {{left: number, top: number, width: number, height: number}} Box */

const [NARROWEST, WIDEST] = [0.3, 4];
const TALLEST = 1.6;   // of the wished height: what a row of few pictures may grow to

/** @param {Shape} shape */
export const ratioOf = ({ width, height }) => Math.min(Math.max((width || 1) / (height || 1), NARROWEST), WIDEST);

/**
 * The rows of all pictures. Each group is shared out evenly over its rows, so that none ends with one lost picture; a group that does not fill
 * a row keeps the wished height. `head` is the height of what stands above a group, 0 where there are no groups; of a group that is `folded` nothing else stands there.
 * @param {readonly Shape[]} shapes
 * @param {{width: number, height: number, gap: number, head: number, folded?: (from: number) => boolean}} measures
 * @returns {{rows: Row[], height: number}}
 */
export function rowsOf(shapes, { width, height, gap, head, folded = () => false }) {
  /** @type {Row[]} */
  const rows = [];
  let top = 0;
  for (let from = 0; from < shapes.length;) {
    let to = head ? from + 1 : shapes.length;
    while (to < shapes.length && !shapes[to]?.begins) to += 1;
    if (head && shapes[from]?.begins) {
      rows.push({ top, height: head, from, to: from, head: true });
      top += head;
      if (folded(from)) {
        from = to;
        continue;
      }
    }
    for (const row of groupRows(shapes, from, to, { width, height, gap })) {
      rows.push({ ...row, top, head: false });
      top += row.height + gap;
    }
    from = to;
  }
  return { rows, height: Math.max(0, top - gap) };
}

/**
 * @param {readonly Shape[]} shapes
 * @param {number} from
 * @param {number} to
 * @param {{width: number, height: number, gap: number}} measures
 */
function groupRows(shapes, from, to, { width, height, gap }) {
  const ratios = shapes.slice(from, to).map(ratioOf);
  const all = ratios.reduce((sum, each) => sum + each, 0);
  const many = Math.min(ratios.length, Math.max(1, Math.round((all * height + ratios.length * gap) / (width + gap))));
  const rows = [];
  let [begun, sum, before] = [0, 0, 0];
  for (const [n, ratio] of ratios.entries()) {
    sum += ratio;
    const [left, rest] = [many - rows.length - 1, ratios.length - n - 1];
    const next = sum + (ratios[n + 1] ?? 0) / 2;   // the cut that lies nearest to an even share
    const last = rest === 0;
    if (!last && (left === 0 || (rest > left && next < (all / many) * (rows.length + 1)))) continue;
    const gaps = (n - begun) * gap;
    const full = (width - gaps) / (sum - before);
    rows.push({ from: from + begun, to: from + n + 1, height: many === 1 ? Math.min(height, full) : Math.min(TALLEST * height, full) });
    [begun, before] = [n + 1, sum];
  }
  return rows;
}

/**
 * The first row that ends below a height.
 * @param {readonly Row[]} rows
 * @param {number} y
 */
export function rowBelow(rows, y) {
  let [from, to] = [0, rows.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    const row = /** @type {Row} */ (rows[middle]);
    if (row.top + row.height > y) to = middle;
    else from = middle + 1;
  }
  return from;
}

/**
 * The place in `rows` of the row that has a picture; -1 for none.
 * @param {readonly Row[]} rows
 * @param {number} index
 */
export function rowWith(rows, index) {
  let [from, to] = [0, rows.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((rows[middle]?.to ?? 0) > index) to = middle;
    else from = middle + 1;
  }
  while (rows[from]?.head) from += 1;
  const row = rows[from];
  return row && row.from <= index && index < row.to ? from : -1;
}

/**
 * Where a row's pictures stand, on whole pixels.
 * @param {readonly Shape[]} shapes
 * @param {Row} row
 * @param {number} gap
 * @returns {Box[]}
 */
export function boxesOf(shapes, row, gap) {
  const [top, bottom] = [Math.round(row.top), Math.round(row.top + row.height)];
  let x = 0;
  return shapes.slice(row.from, row.to).map((shape) => {
    const left = Math.round(x);
    x += ratioOf(shape) * row.height;
    const width = Math.round(x) - left;
    x += gap;
    return { left, top, width, height: bottom - top };
  });
}

/**
 * The picture one row of pictures above (-1) or below (1) one, nearest to its middle; the same where there is none.
 * @param {readonly Shape[]} shapes
 * @param {readonly Row[]} rows
 * @param {number} index
 * @param {number} by
 * @param {number} gap
 */
export function besides(shapes, rows, index, by, gap) {
  const at = rowWith(rows, index);
  let to = at + by;
  while (rows[to]?.head) to += by;
  const [row, other] = [rows[at], rows[to]];
  if (!row || !other) return index;
  const box = /** @type {Box} */ (boxesOf(shapes, row, gap)[index - row.from]);
  const middle = box.left + box.width / 2;
  const far = boxesOf(shapes, other, gap).map(({ left, width }) => Math.abs(left + width / 2 - middle));
  return other.from + far.indexOf(Math.min(...far));
}
