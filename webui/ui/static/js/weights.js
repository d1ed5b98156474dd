// @ts-check
// Ctrl+Up and Ctrl+Down in a prompt: what becomes of the text. The rules are A1111's: 0.1 for words, 0.05 for <lora:…>.

/** @typedef {{start: number, end: number, text: string, from: number, to: number}} Change put `text` in place of start…end, then select from…to */
/** @typedef {{open: number, close: number, from: number, to: number, weight: number | null, factor: number, schedule: boolean}} Group brackets, and the words inside of them */
/** @typedef {{start: number, end: number}} Tag */

const STEP = 0.1, STEP_OF_TAG = 0.05;
const TAG = /<(\w+):([^<>]+)>/y;
const WEIGHT = /:\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*$/;
const WORD = /(?:\\[()[\]\\]|(?!\$\$|(?<=\$)\$)[^\s,()[\]<>:|{}])+/g;
const NUMBER = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?\s*$/i;
const WHOLE_SYNTAX = /^(?:AND|BREAK)$/;
const OF_A_CHOICE = /^(?:::|\$\$)/;   // what a number in {2$$a|b} and {0.5::a|b} is followed by

/**
 * What is to be changed; null where there is nothing to weigh.
 * @param {string} value the prompt
 * @param {number} from start of the selection
 * @param {number} to
 * @param {boolean} up
 * @returns {Change | null}
 */
export function reweigh(value, from, to, up) {
  const { groups, tags } = read(value);
  [from, to] = trimmed(value, from, to);
  const tag = tags.find((each) => each.start <= from && to <= each.end);
  if (tag) return reweighTag(value, tag, from, up);
  if (from === to) {
    const group = groupAt(value, groups, from);
    if (group) return reweighGroup(value, groups, group, up);
    const word = wordAt(value, from);
    return word && wrap(value, ...word, up);
  }
  [from, to] = whole(groups, tags, from, to);
  const group = groups.find((each) => !each.schedule && ((each.open === from && each.close + 1 === to) || (each.from === from && each.to === to)));
  if (group) return reweighGroup(value, groups, group, up);
  return isSyntax(value, from, to) ? null : wrap(value, from, to, up);
}

/**
 * Brackets and tags of a prompt, inner brackets first; what is escaped or has no partner is text.
 * @param {string} value
 */
function read(value) {
  /** @type {Group[]} */
  const groups = [];
  /** @type {Tag[]} */
  const tags = [];
  /** @type {Record<string, number[]>} */
  const opened = { '(': [], '[': [], '{': [] };
  for (let at = 0; at < value.length; at += 1) {
    const char = value[at];
    TAG.lastIndex = at;
    const tag = char === '<' && TAG.exec(value);
    if (tag) {
      tags.push({ start: at, end: at + tag[0].length });
      at += tag[0].length - 1;
    } else if (char === '\\') at += 1;
    else if (opened[char]) opened[char].push(at);
    else if (char === ')' && opened['('].length) groups.push(round(value, last(opened['(']), at));
    else if (char === ']' && opened['['].length) groups.push(square(value, groups, last(opened['[']), at));
    else if (char === '}' && opened['{'].length) groups.push(choice(value, last(opened['{']), at));
  }
  return { groups, tags };
}

/** @type {(stack: number[]) => number} */
const last = (stack) => stack.splice(-1)[0];

/**
 * @param {string} value
 * @param {number} open
 * @param {number} close
 * @returns {Group}
 */
function round(value, open, close) {
  const told = value.slice(open + 1, close).match(WEIGHT);
  const [from, to] = trimmed(value, open + 1, told ? close - told[0].length : close);
  return { open, close, from, to, weight: told ? +told[1] : null, factor: 1.1, schedule: false };
}

/**
 * [less], [from:to:when] or [this|that]: only the first is a weight.
 * @param {string} value
 * @param {Group[]} groups
 * @param {number} open
 * @param {number} close
 * @returns {Group}
 */
function square(value, groups, open, close) {
  let own = value.slice(open + 1, close);
  for (const { open: a, close: b } of groups) if (a > open && b < close) own = own.slice(0, a - open - 1) + ' '.repeat(b + 1 - a) + own.slice(b - open);
  const [from, to] = trimmed(value, open + 1, close);
  return { open, close, from, to, weight: null, factor: 1 / 1.1, schedule: /[:|]/.test(own.replace(/<[^<>]*>/g, '')) };
}

/**
 * {this|that} of dynamic prompts: never a weight, and whole in what is weighed around it.
 * @param {string} value
 * @param {number} open
 * @param {number} close
 * @returns {Group}
 */
function choice(value, open, close) {
  const [from, to] = trimmed(value, open + 1, close);
  return { open, close, from, to, weight: null, factor: 1, schedule: true };
}

/**
 * @param {string} value
 * @param {number} from
 * @param {number} to
 */
function trimmed(value, from, to) {
  while (to > from && /\s/.test(value[to - 1])) to -= 1;
  while (from < to && /\s/.test(value[from])) from += 1;
  return [from, to];
}

/**
 * The innermost bracket around the cursor, or the one that ends there.
 * @param {string} value
 * @param {Group[]} groups
 * @param {number} at
 */
function groupAt(value, groups, at) {
  const around = groups.filter((each) => each.open < at && at <= each.close).sort((a, b) => b.open - a.open)[0];
  const before = groups.find((each) => each.close + 1 === at);
  const found = before && !wordAt(value, at) ? before : around;
  return found && !found.schedule ? found : null;
}

/**
 * @param {string} value
 * @param {number} at
 * @returns {[number, number] | null}
 */
function wordAt(value, at) {
  for (const match of value.matchAll(WORD)) {
    const [from, to] = [match.index, match.index + match[0].length];
    if (from > at) return null;
    if (to < at) continue;
    return isSyntax(value, from, to) ? null : [from, to];
  }
  return null;
}

/**
 * AND, BREAK, and the numbers of AND, choices and editing: no words that weigh.
 * @param {string} value
 * @param {number} from
 * @param {number} to
 */
function isSyntax(value, from, to) {
  const text = value.slice(from, to);
  return WHOLE_SYNTAX.test(text) || (NUMBER.test(text) && (/:\s*$/.test(value.slice(0, from)) || OF_A_CHOICE.test(value.slice(to))));
}

/**
 * A selection that cuts through a bracket or a tag takes in all of it.
 * @param {Group[]} groups
 * @param {Tag[]} tags
 * @param {number} from
 * @param {number} to
 */
function whole(groups, tags, from, to) {
  const parts = [...groups.map((each) => ({ start: each.open, end: each.close + 1, from: each.from, to: each.to })), ...tags.map((each) => ({ ...each, from: each.end, to: each.start }))];
  for (;;) {
    const cut = parts.find(({ start, end, from: first, to: last }) => start < to && end > from && !(start >= from && end <= to) && !(first <= from && to <= last));
    if (!cut) return [from, to];
    [from, to] = [Math.min(from, cut.start), Math.max(to, cut.end)];
  }
}

/** @type {(weight: number) => number} */
const round2 = (weight) => parseFloat(weight.toPrecision(12));

/**
 * Never below 0 from above it; a weight that was written below 0 goes up only.
 * @type {(weight: number, step: number, up: boolean) => number}
 */
const next = (weight, step, up) => round2(up ? weight + step : weight <= 0 ? weight : Math.max(weight - step, 0));

/**
 * @param {string} value
 * @param {number} from
 * @param {number} to
 * @param {boolean} up
 * @returns {Change | null}
 */
function wrap(value, from, to, up) {
  const words = value.slice(from, to);
  return words ? { start: from, end: to, text: `(${words}:${next(1, STEP, up)})`, from: from + 1, to: to + 1 } : null;
}

/**
 * @param {string} value
 * @param {Group[]} groups
 * @param {Group} group
 * @param {boolean} up
 * @returns {Change}
 */
function reweighGroup(value, groups, group, up) {
  let outer = group, depth = 1;
  if (group.weight === null) {
    const bare = (/** @type {Group} */ each) => each.weight === null && !each.schedule && each.factor === group.factor;
    for (let around; (around = groups.find((each) => bare(each) && each.from === outer.open && each.to === outer.close + 1)); depth += 1) outer = around;
  }
  const now = group.weight ?? Math.round(group.factor ** depth / STEP) * STEP;
  const words = value.slice(group.from, group.to);
  const weight = next(now, STEP, up);
  const bare = weight === 1 && !/[:|]/.test(words);  // without its brackets, "a:b" could become part of a schedule around it
  const first = outer.open + (bare ? 0 : 1);
  return { start: outer.open, end: outer.close + 1, text: bare ? words : `(${words}:${weight})`, from: first, to: first + words.length };
}

/**
 * What stands first is the name, whatever is in it; with what follows up to a weight, for `a:b` is a file's name too.
 * @param {string[]} parts
 */
function nameOf(parts) {
  const ends = parts.slice(1).findIndex((part) => part.includes('=') || NUMBER.test(part) || part === '');
  return parts.slice(0, Math.max(ends, 0) + 1).join(':');
}

/**
 * <lora:name:te:unet> and <lora:name:te=0.5:unet=0.7>: the number at the cursor, else the last; one without a number gets it.
 * @param {string} value
 * @param {Tag} tag
 * @param {number} at
 * @param {boolean} up
 * @returns {Change | null}
 */
function reweighTag(value, tag, at, up) {
  const [, kind, inner] = /** @type {RegExpMatchArray} */ (value.slice(tag.start, tag.end).match(/<(\w+):([^<>]+)>/));
  const numbers = [];
  const parts = inner.split(':');
  const name = nameOf(parts);
  const nameEnd = tag.start + kind.length + 2 + name.length;
  let start = nameEnd + 1, place = 1;
  for (const part of parts.slice(name.split(':').length)) {
    const [key, text] = part.includes('=') ? [part.slice(0, part.indexOf('=')).trim(), part.slice(part.indexOf('=') + 1)] : [place++, part];
    const weighs = ['te', 'unet', 1, 2].includes(key);
    if (weighs && NUMBER.test(text)) numbers.push({ start: start + part.length - text.length, end: start + part.length });
    else if (key === 1) return null;  // what stands for the weight is no number: nobody knows what it would become
    start += part.length + 1;
  }
  const number = numbers.find((each) => each.start <= at && at <= each.end) ?? numbers.at(-1);
  const [from, to] = number ? [number.start, number.end] : [nameEnd, nameEnd];
  const now = number ? +value.slice(from, to) : 1;
  const weight = now < 0 ? round2(now + (up ? STEP_OF_TAG : -STEP_OF_TAG)) : next(now, STEP_OF_TAG, up);
  const text = number ? String(weight) : `:${weight}`;
  const moved = at <= from ? at : at >= to ? at + text.length - (to - from) : Math.min(at, from + text.length);
  return { start: from, end: to, text, from: moved, to: moved };
}
