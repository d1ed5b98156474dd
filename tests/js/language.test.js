import assert from 'node:assert/strict';
import { test } from 'node:test';

import { count, date, dateAndTime, grouped, language, number, t, timeOfDay } from '../../webui/ui/static/js/language.js';

test('without a catalogue the words are English', () => {
  assert.equal(language, 'en');
  assert.equal(t('Send to {mode}', { mode: 'img2img' }), 'Send to img2img');
  assert.equal(t('{a|b} stays, {x} too', { a: 1 }), '{a|b} stays, {x} too');
  assert.equal(t('{a} and {b}', { a: '{b}', b: '$&' }), '{b} and $&');
});

test('one is one, and all others are many', () => {
  assert.deepEqual([0, 1, 2, 1200].map((n) => count(n, 'picture')), ['0 pictures', '1 picture', '2 pictures', '1200 pictures']);
  assert.equal(count(2, 'entry', 'entries'), '2 entries');
});

test('numbers and dates', () => {
  assert.equal(number(1234.567, 1), '1234.6');
  assert.equal(number(2, 1), '2.0');
  assert.equal(number(0.25), '0.25');
  assert.ok(grouped(1234567).length >= 7);
  for (const written of [date, dateAndTime, timeOfDay]) assert.match(written('2026-11-12T14:04:00'), /\d/);
});

const words = { Save: 'Speichern', 'of {n}': 'von {n}', '{n} pictures': '{n} Bilder', '{n} pictures [one]': '{n} Bild', Empty: '' };

test('with one they are the catalogue\'s', async () => {
  const page = { documentElement: { lang: 'de', dataset: { words: './w.json' } }, baseURI: 'http://127.0.0.1/' };
  Object.assign(globalThis, { document: page, fetch: () => ({ json: () => words }) });
  const german = await import('../../webui/ui/static/js/language.js?german');
  Object.assign(globalThis, { document: undefined });
  assert.equal(german.language, 'de');
  assert.deepEqual([german.t('Save'), german.t('of {n}', { n: 3 }), german.t('Empty'), german.t('Nobody knows this')], ['Speichern', 'von 3', 'Empty', 'Nobody knows this']);
  assert.deepEqual([german.count(1, 'picture'), german.count(2, 'picture'), german.count(2, 'file')], ['1 Bild', '2 Bilder', '2 files']);
  assert.equal(german.number(1.5, 1), '1,5');
});
