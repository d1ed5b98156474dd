import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { familyOf, foldersOf, inSight, isForeign, shown, stepped } from '../../webui/ui/static/js/shelf-list.js';

const card = (name, more = {}) => ({ id: name, kind: 'lora', name, alias: '', title: '', family: 'sd1', family_title: 'Stable Diffusion 1.x', size: 1, added: 1, preview: '', triggers: [], notes: '', favourite: false, weight: null, error: '', used: 0, ...more });
const CARDS = [
  card('glaze', { triggers: ['glazed ceramic'], favourite: true, size: 9 }), card('looks/old/lens', { error: 'Cut off' }), card('places/alpine', { family: 'sdxl', added: 5 }),
  card('places/hills', { notes: 'Best with haze', family: 'unknown', used: 7 }), card('photon', { kind: 'checkpoint' }),
];
const PHOTON = CARDS[4];
const WISH = { kind: 'lora', q: '', sort: 'name', fits: false, favourite: false, broken: false, folder: '' };

describe('what is shown', () => {
  const cases = [
    [{}, 'glaze looks/old/lens places/alpine places/hills'], [{ q: 'CERAMIC' }, 'glaze'], [{ q: 'haze best' }, 'places/hills'], [{ q: 'sdxl' }, 'places/alpine'], [{ fits: true }, 'glaze looks/old/lens places/hills'],
    [{ favourite: true }, 'glaze'], [{ broken: true }, 'looks/old/lens'], [{ folder: 'looks' }, 'looks/old/lens'], [{ folder: 'places', sort: 'added' }, 'places/alpine places/hills'], [{ sort: 'used', q: 'l' }, 'places/hills glaze looks/old/lens places/alpine'], [{ sort: 'size', q: 'l' }, 'glaze looks/old/lens places/alpine places/hills'], [{ kind: 'checkpoint' }, 'photon'],
  ];
  for (const [wish, names] of cases) test(JSON.stringify(wish), () => assert.equal(shown(CARDS, { ...WISH, ...wish }, PHOTON).map(({ name }) => name).join(' '), names));
});

test('what was made for another family', () => {
  assert.deepEqual(CARDS.map((each) => isForeign(each, PHOTON)), [false, false, true, false, false]);
  assert.equal(isForeign(CARDS[2], null), false);
  assert.deepEqual([familyOf(CARDS[0]), familyOf(CARDS[3]), familyOf(card('x', { family: 'own', family_title: 'Own' }))], ['SD 1.5', '', 'Own']);
});

test('folders', () => assert.deepEqual(foldersOf(CARDS, 'lora'), ['looks', 'looks/old', 'places']));

test('cards in sight of thousands', () => {
  assert.deepEqual(inSight({ count: 2000, columns: 3, row: 200, top: 0, height: 600 }), { from: 0, to: 12, rows: 667 });
  assert.deepEqual(inSight({ count: 2000, columns: 3, row: 200, top: 667 * 200 - 600, height: 600 }), { from: 1989, to: 2000, rows: 667 });
  assert.deepEqual(inSight({ count: 0, columns: 3, row: 200, top: 0, height: 600 }), { from: 0, to: 0, rows: 0 });
  assert.deepEqual(inSight({ count: 2, columns: 3, row: 200, top: 5000, height: 600 }), { from: 0, to: 2, rows: 1 });
});

test('keys go from card to card', () => {
  const grid = { count: 8, columns: 3, page: 2 };
  const to = (key, at) => stepped(key, at, grid);
  assert.deepEqual([to('ArrowRight', 2), to('ArrowLeft', 0), to('ArrowDown', 1), to('ArrowDown', 5), to('ArrowDown', 7), to('ArrowUp', 1), to('End', 0), to('Home', 7), to('PageDown', 0), to('PageUp', 7), to('x', 1)], [3, 0, 4, 7, 7, 1, 7, 0, 6, 1, null]);
});
