import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { MOST_LETTERS, piecesOf } from '../../webui/ui/static/js/prompt-marks.js';

const KNOWN = { has: (_kind, name) => name === 'glaze', words: new Map([['bad-hands', 1]]) };
const marked = (prompt) => piecesOf(prompt, KNOWN).filter(({ kinds }) => kinds.length).map(({ text, kinds }) => [text, ...kinds.toSorted()]);

describe('what has a meaning of its own', () => {
  const cases = [
    ['', []], ['a cat', []],
    ['a <lora:glaze:0.8> cat', [['<lora:glaze:0.8>', 'tag']]],
    ['<lora:nobody:1>', [['<lora:nobody:1>', 'unknown']]],
    ['(a cat:1.2), b', [['(a cat:1.2)', 'weight']]],
    ['(a cat), [b]', []],
    ['(a (cat:1.1):.5)', [['(a ', 'weight'], ['(cat:1.1)', 'weight'], [':.5)', 'weight']]],
    ['\\(a:1.2\\)', []],
    ['(bad-hands:1.3)', [['(', 'weight'], ['bad-hands', 'weight', 'word'], [':1.3)', 'weight']]],
    ['a (cat', [['(', 'open']]],
    ['(x <lora:glaze:1> y:1.2)', [['(x ', 'weight'], ['<lora:glaze:1>', 'tag', 'weight'], [' y:1.2)', 'weight']]],
  ];
  for (const [prompt, wanted] of cases) test(prompt || 'nothing', () => assert.deepEqual(marked(prompt), wanted));
});

test('the pieces are the prompt, whatever it is', () => {
  const letters = ['a', ' ', '(', ')', '[', ']', ':', '1.2', '<lora:glaze:1>', '<lora:', '>', '\\', '\n', 'bad-hands', '{', '|', '}', '猫', '🐈'];
  let seed = 7;
  const next = (most) => { seed = (seed * 1103515245 + 12345) % 2 ** 31; return seed % most; };
  for (let n = 0; n < 3000; n += 1) {
    const prompt = Array.from({ length: next(30) }, () => letters[next(letters.length)]).join('');
    assert.equal(piecesOf(prompt, KNOWN).map(({ text }) => text).join(''), prompt);
  }
});

test('a book is not looked through', () => {
  assert.deepEqual(piecesOf('('.repeat(MOST_LETTERS + 1), KNOWN), [{ text: '('.repeat(MOST_LETTERS + 1), kinds: [] }]);
});
