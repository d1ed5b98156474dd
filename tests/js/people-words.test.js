import assert from 'node:assert/strict';
import test from 'node:test';

import { initial, ROLES, withArticle } from '../../webui/ui/static/js/people-words.js';

test('roles and names as people read them', () => {
  assert.deepEqual(ROLES.map(withArticle), ['A guest', 'A member', 'An owner']);
  assert.deepEqual(['zoë', ' émile', '😀 x', ''].map(initial), ['Z', 'É', '😀', '?']);
});
