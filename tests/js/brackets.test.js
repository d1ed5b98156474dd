import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { unbalanced } from '../../webui/ui/static/js/brackets.js';

describe('where a partner is missing', () => {
  const cases = [
    ['a cat', null], ['(a [cat:1.2] {b|c})', null], ['a \\( cat', null], ['\\\\(a)', null], ['<lora:my style (v1:1> b', null], ['a < b', null], ['', null],
    ['a (cat', [2, 'A bracket is open: (']], ['a cat) (', [5, 'A bracket closes nothing: )']], ['[a (b]', [5, 'A bracket is open: (']], ['{a|b', [0, 'A bracket is open: {']],
    ['((a)', [0, 'A bracket is open: (']], ['a <lora:x', [2, 'A tag is open']],
  ];
  for (const [prompt, wanted] of cases) {
    test(prompt || 'nothing', () => {
      const told = unbalanced(prompt);
      assert.equal(told?.at ?? null, wanted?.[0] ?? null);
      if (wanted) assert.ok(told.text.startsWith(wanted[1]), told.text);
    });
  }
});
