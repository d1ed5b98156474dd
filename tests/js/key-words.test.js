import assert from 'node:assert/strict';
import test from 'node:test';

import { mayDo, SCOPES } from '../../webui/ui/static/js/key-words.js';

test('the widest scope of a key says what it may do', () => {
  assert.equal(mayDo(['read']), 'Look only');
  assert.equal(mayDo(['generate', 'read']), 'Look and make');
  assert.equal(mayDo(['admin']), 'Everything');
  for (const { label, scopes } of SCOPES) assert.equal(mayDo(scopes), label);
});
