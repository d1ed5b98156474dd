import assert from 'node:assert/strict';
import { test } from 'node:test';

import { matching, nameIn, tagAfter } from '../../webui/ui/static/js/lora-tags.js';

const MODELS = ['style', 'people/Face', 'pets/face', 'pets/cat'].map((name) => ({ name }));

test('a name stands without its folder unless another is called so too', () => {
  assert.deepEqual(MODELS.map((model) => nameIn(MODELS, model)), ['style', 'people/Face', 'pets/face', 'cat']);
});

test('models are found by words of their name', () => {
  assert.deepEqual(matching(MODELS, ' FACE ').map(({ name }) => name), ['people/Face', 'pets/face']);
  assert.equal(matching(MODELS, '').length, MODELS.length);
});

test('a tag is set apart from what is before it', () => {
  assert.equal(tagAfter('', 'x'), '<lora:x:1>');
  assert.equal(tagAfter('a cat', 'x'), ' <lora:x:1>');
  assert.equal(tagAfter('a cat,\n', 'x'), '<lora:x:1>');
});
