import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { reweigh } from '../../webui/ui/static/js/weights.js';

/** `text` with the cursor at | or a selection from [[ to ]]; the result is written the same way. */
function press(text, up) {
  const [from, to] = text.includes('|') ? [text.indexOf('|'), text.indexOf('|')] : [text.indexOf('[['), text.indexOf(']]') - 2];
  const value = text.replace('|', '').replace('[[', '').replace(']]', '');
  const change = reweigh(value, from, to, up);
  if (!change) return null;
  const after = value.slice(0, change.start) + change.text + value.slice(change.end);
  return change.from === change.to ? `${after.slice(0, change.from)}|${after.slice(change.from)}` : `${after.slice(0, change.from)}[[${after.slice(change.from, change.to)}]]${after.slice(change.to)}`;
}

const rows = (cases) => {
  for (const [before, up, after] of cases) test(`${before} ${up ? '↑' : '↓'}`, () => assert.equal(press(before, up), after));
};

describe('words', () => rows([
  ['a red| apple', true, 'a ([[red]]:1.1) apple'],
  ['a red| apple', false, 'a ([[red]]:0.9) apple'],
  ['|red', true, '([[red]]:1.1)'],
  ['red|', true, '([[red]]:1.1)'],
  ['a [[red apple]]', true, 'a ([[red apple]]:1.1)'],
  ['a[[ red ]]apple', true, 'a ([[red]]:1.1) apple'],
  ['a, |, b', true, null],
  ['|', true, null],
  ['a AND| b', true, null],
  ['a BREAK| b', true, null],
  ['cat :[[0.5]] AND dog', true, null],
  ['cat : 0|.5 AND dog', true, null],
  ['cat [[AND]] dog', true, null],
  ['cat [[0.5]] dog', true, 'cat ([[0.5]]:1.1) dog'],
  ['\\(red\\)|', true, '([[\\(red\\)]]:1.1)'],
]));

describe('choices of dynamic prompts', () => rows([
  ['{ca|t|dog}', true, '{([[cat]]:1.1)|dog}'],
  ['{cat dog|}', true, '{cat ([[dog]]:1.1)}'],
  ['a {cat|}', true, 'a {([[cat]]:1.1)}'],
  ['{2$$ca|t}', true, '{2$$([[cat]]:1.1)}'],
  ['{|2$$cat}', true, null],
  ['{0.5|::cat}', true, null],
  ['{0.5::c|at}', true, '{0.5::([[cat]]:1.1)}'],
  ['({cat} |x:1.2)', true, '([[{cat} x]]:1.3)'],
  ['a [[b {c]] d} e', true, 'a ([[b {c d}]]:1.1) e'],
  ['__anim|als__', true, '([[__animals__]]:1.1)'],
  ['a } b| {', true, 'a } ([[b]]:1.1) {'],
]));

describe('brackets', () => rows([
  ['(red|:1.1)', true, '([[red]]:1.2)'],
  ['(red|:1.1)', false, '[[red]]'],
  ['([[red]]:1.2)', true, '([[red]]:1.3)'],
  ['[[(red:1.2)]]', false, '([[red]]:1.1)'],
  ['(red|)', true, '([[red]]:1.2)'],
  ['((red|))', true, '([[red]]:1.3)'],
  ['(red apple:0.1)|', false, '([[red apple]]:0)'],
  ['(red|:0)', false, '([[red]]:0)'],
  ['(red|:-1)', false, '([[red]]:-1)'],
  ['(red|:-1)', true, '([[red]]:-0.9)'],
  ['(a (b|:1.2) c:1.5)', true, '(a ([[b]]:1.3) c:1.5)'],
  ['(a| (b:1.2) c:1.5)', true, '([[a (b:1.2) c]]:1.6)'],
  ['[[a (b]] c:1.3)', true, '([[a (b c:1.3)]]:1.1)'],
  ['(a|', true, '(([[a]]:1.1)'],
  ['a)|', true, null],
]));

describe('less and schedules', () => rows([
  ['[red|]', true, '[[red]]'],
  ['[red|]', false, '([[red]]:0.8)'],
  ['[red:blue|:0.5]', true, '[red:([[blue]]:1.1):0.5]'],
  ['[red:blue:0.5|]', true, null],
  ['[red|]x', true, '[[red]]x'],
  ['[a:(b|:1.1):9]', false, '[a:[[b]]:9]'],
]));

describe('tags', () => rows([
  ['<lora:x|:1>', true, '<lora:x|:1.05>'],
  ['<lora:x:1|>', false, '<lora:x:0.95|>'],
  ['<lora:x|>', true, '<lora:x|:1.05>'],
  ['<lora:x:0.5:0.7|>', true, '<lora:x:0.5:0.75|>'],
  ['<lora:x:0.5|:0.7>', true, '<lora:x:0.55|:0.7>'],
  ['<lora:x:te=0.5|:unet=0.7>', true, '<lora:x:te=0.55|:unet=0.7>'],
  ['<lora:x:1:lbw=MIDD|>', true, '<lora:x:1.05:lbw=MIDD|>'],
  ['<lora:x:-0.5|>', true, '<lora:x:-0.45|>'],
  ['<lora:x:-0.5|>', false, '<lora:x:-0.55|>'],
  ['<lora:x:0.02|>', false, '<lora:x:0|>'],
  ['<lora:epoch=10-step=500:0.8|>', true, '<lora:epoch=10-step=500:0.85|>'],
  ['<lora:te=style|:0.8>', true, '<lora:te=style|:0.85>'],
  ['<lora:eq=1|>', true, '<lora:eq=1|:1.05>'],
  ['<lora:a:b:0.5|>', true, '<lora:a:b:0.55|>'],
  ['<lora:x:1e-1|>', true, '<lora:x:0.15|>'],
  ['a [[b <lora:x]]:1>', true, 'a ([[b <lora:x:1>]]:1.1)'],
]));

test('a weight never drifts, however often it is pressed', () => {
  let text = '(red|:1.1)';
  for (let n = 0; n < 20; n += 1) text = press(text, true).replace(/\[\[(.*)\]\]/, '$1|');
  assert.equal(text, '(red|:3.1)');
});
