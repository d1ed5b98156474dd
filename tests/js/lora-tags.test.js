import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { isTemplate, matching, switched, tagAfter, tagNames, tagOf, tagsIn, weighed, without, wordsIn } from '../../webui/ui/static/js/lora-tags.js';

const MODELS = ['style', 'people/Face', 'pets/face', 'pets/cat'].map((name) => ({ name }));

/** What a change makes of a prompt. */
const put = (prompt, { start, end, text }) => prompt.slice(0, start) + text + prompt.slice(end);

test('a name stands without its folder unless another is called so too', () => {
  const names = tagNames(MODELS);
  assert.deepEqual(MODELS.map((model) => names.get(model)), ['style', 'people/Face', 'pets/face', 'cat']);
});

test('models are found by words of their name', () => {
  assert.deepEqual(matching(MODELS, ' FACE ').map(({ name }) => name), ['people/Face', 'pets/face']);
  assert.equal(matching(MODELS, '').length, MODELS.length);
});

test('a tag is set apart from what is before it', () => {
  assert.equal(tagAfter('', tagOf('lora', 'x')), '<lora:x:1>');
  assert.equal(tagAfter('a cat', tagOf('lora', 'x', 0.8)), ' <lora:x:0.8>');
  assert.equal(tagAfter('a cat,\n', tagOf('hypernetwork', 'x')), '<hypernet:x:1>');
});

test('the tags of a prompt', () => {
  const told = (prompt) => tagsIn(prompt).map(({ kind, name, weight, own }) => [kind, name, weight, own]);
  assert.deepEqual(told('a cat <lora:x:0.8>, <lyco:my style (v1):-.5:1> <hypernet:h>'), [['lora', 'x', 0.8, false], ['lora', 'my style (v1)', 1, true], ['hypernetwork', 'h', 1, false]]);
  assert.deepEqual(told('<lora:x:te=0.4:unet=0.7:start=5> <lora:y:0,8> <lora:z:start=5>'), [['lora', 'x', 0.7, true], ['lora', 'y', null, false], ['lora', 'z', 1, false]]);
  assert.deepEqual(told('<lora:{a|b}:1> <embed:x:1> <lora:open'), [['lora', '{a|b}', 1, false]]);
  assert.deepEqual([isTemplate('{a|b}'), isTemplate('__any__'), isTemplate('film-grain_v2')], [true, true, false]);
});

describe('another weight', () => {
  const cases = [['a <lora:x:0.8> b', 'a <lora:x:0.4> b'], ['<lora:x>', '<lora:x:0.4>'], ['<lora:x:1:0.5:lbw=MIDD>', '<lora:x:1:0.4:lbw=MIDD>'], ['<lora:x:te=1:unet=1>', '<lora:x:te=1:unet=0.4>'], ['<lora:x:start=5>', '<lora:x:0.4:start=5>']];
  for (const [before, after] of cases) test(before, () => assert.equal(put(before, weighed(tagsIn(before)[0], 0.4)), after));
});

test('a tag is switched off and on with the weights that it had', () => {
  const before = 'a <lora:x:0.8:0.4:start=5>', [tag] = tagsIn(before);
  const off = put(before, switched(tag));
  assert.equal(off, 'a <lora:x:0:start=5>');
  assert.equal(put(off, switched(tagsIn(off)[0], tag.weights)), before);
  assert.equal(put('<lora:x:0>', switched(tagsIn('<lora:x:0>')[0])), '<lora:x:1>');
});

describe('a prompt without a piece', () => {
  const cases = [['a cat <lora:x:1>', 'a cat'], ['<lora:x:1> a cat', 'a cat'], ['a cat, <lora:x:1>, a dog', 'a cat, a dog'], ['a <lora:x:1> dog', 'a dog'], ['a cat, (<lora:x:1>:1.2)\nb', 'a cat\nb'], ['a\n<lora:x:1>\nb', 'a\n\nb'], ['<lora:x:1>', '']];
  for (const [before, after] of cases) test(before, () => assert.equal(put(before, without(before, tagsIn(before)[0])), after));
});

test('words that are known, each once', () => {
  const known = new Map([['bad-hands', 1], ['soft', 2]]);
  const prompt = 'a (bad-hands:1.2), SOFT, softer, soft <lora:bad-hands:1>';
  assert.deepEqual(wordsIn(prompt, known).map(({ start, end, word }) => [prompt.slice(start, end), word]), [['bad-hands', 1], ['SOFT', 2]]);
});
