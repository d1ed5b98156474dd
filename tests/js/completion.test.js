import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { found, taken, wishAt } from '../../webui/ui/static/js/completion.js';

const WORDS = [
  { kind: 'lora', name: 'glaze', weight: 0.8 }, { kind: 'lora', name: 'glass-figure' }, { kind: 'lora', name: 'film-grain' }, { kind: 'lora', name: 'sea glass', favourite: true },
  { kind: 'hypernetwork', name: 'glow' }, { kind: 'embedding', name: 'bad-hands' }, { kind: 'wildcard', name: 'people/hair_colour' }, { kind: 'style', name: 'studio' },
];
const names = (text) => {
  const wish = wishAt(text.replace('|', ''), text.indexOf('|'));
  return wish && found(WORDS, wish).map(({ name }) => name);
};

describe('what is offered', () => {
  const cases = [
    ['a <|', ['sea glass', 'glow', 'glaze', 'film-grain', 'glass-figure']], ['a <lora:gl|', ['glaze', 'glass-figure', 'sea glass']], ['a <lo|', ['sea glass', 'glow', 'glaze', 'film-grain', 'glass-figure']],
    ['<gla|', ['glaze', 'glass-figure', 'sea glass']], ['<hypernet:|', ['glow']], ['<lora:fmgn|', ['film-grain']], ['<lora:gl|aze:1>', ['glaze', 'glass-figure', 'sea glass']],
    ['a gl|', ['glaze', 'glass-figure', 'sea glass']], ['a g|', null], ['gl|ow', null], ['a gr|', ['film-grain']], ['ha|', ['bad-hands']], ['bad-hands|', []],
    ['a __ha|', ['people/hair_colour']], ['__people/hair_|', ['people/hair_colour']], ['__people/hair_colour__|', null],
    ['@st|', ['studio']], ['me@st|', []], ['a <lora:glaze:0.|8>', null], ['a, |', null], ['(1.2|', null],
  ];
  for (const [text, wanted] of cases) test(text, () => assert.deepEqual(names(text), wanted));
});

describe('what takes its place', () => {
  const cases = [['a <gla|', 'a <lora:glaze:0.8>'], ['a gl| b', 'a <lora:glaze:0.8> b'], ['<lora:gl|ow:0.5> b', '<lora:glaze:0.5> b'], ['__ha|', '__people/hair_colour__'], ['(ba|:1.2)', '(bad-hands:1.2)'], ['a @st|', 'a '], ['<hyper|', '<hypernet:glow:1>']];
  for (const [text, wanted] of cases) {
    test(text, () => {
      const value = text.replace('|', ''), wish = wishAt(value, text.indexOf('|'));
      const word = text === '<hyper|' ? WORDS[4] : found(WORDS, wish)[0];
      const { start, end, text: put } = taken(word, wish);
      assert.equal(value.slice(0, start) + put + value.slice(end), wanted);
    });
  }
});
