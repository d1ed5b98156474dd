import assert from 'node:assert/strict';
import { test } from 'node:test';

import { numberOf, parseExact, stepExact } from '../../webui/ui/static/js/exact.js';

const SEED = '18446744073709551615';

test('JSON without large numbers is what JSON.parse says', () => {
  const text = '{"a": 1, "b": [1.5, -2e3, true, null], "c": "9007199254740993"}';
  assert.deepEqual(parseExact(text), JSON.parse(text));
});

test('a whole number that a double cannot hold comes as its digits', () => {
  assert.deepEqual(parseExact(`{"seed": ${SEED}, "less": -${SEED}, "near": 9007199254740991, "over": 9007199254740993}`),
    { seed: SEED, less: `-${SEED}`, near: 9007199254740991, over: '9007199254740993' });
});

test('digits inside of texts and large fractions stay what they are', () => {
  assert.deepEqual(parseExact(`{"prompt": "seed: ${SEED}, \\"${SEED}\\" \\\\", "at": 1700000000.1234567, "big": 1e300, "n": ${SEED}}`),
    { prompt: `seed: ${SEED}, "${SEED}" \\`, at: 1700000000.1234567, big: 1e300, n: SEED });
  assert.deepEqual(parseExact(`[${SEED},"a",${SEED}]`), [SEED, 'a', SEED]);
});

test('what is no JSON throws', () => assert.throws(() => parseExact('{"a": 1234567890123456789'), SyntaxError));

test('a number box holds a number, digits, nothing, or a text that is no number', () => {
  for (const [text, value] of [['12', 12], [' 1.50 ', 1.5], ['-3', -3], ['1e3', 1000], ['', ''], ['  ', ''], [null, ''], [undefined, ''],
    [SEED, SEED], [`-${SEED}`, `-${SEED}`], ['0012', 12], ['00018446744073709551615', SEED], ['abc', 'abc'], ['1e999', '1e999'], [7, 7]])
    assert.equal(numberOf(text), value, String(text));
});

test('large whole numbers are counted up and down by their digits', () => {
  assert.equal(stepExact(SEED, 1), '18446744073709551616');
  assert.equal(stepExact(SEED, -1), '18446744073709551614');
  assert.equal(stepExact('9007199254740992', -1), '9007199254740991');
  assert.equal(stepExact(`-${SEED}`, 1), '-18446744073709551614');
});

test('what the browser can count itself is left to it', () => {
  for (const text of ['12', '1.5', '', 'abc', '9007199254740991']) assert.equal(stepExact(text, 1), null, text);
});
