import assert from 'node:assert/strict';
import { test } from 'node:test';

import { anySide, boxOfSides, extended, mostOf, NO_SIDES, pulledTo, reachOf, sentRegion, sidesIn, strideOf, valuesOf } from '../../webui/ui/static/js/canvas-region.js';

const FOX = { width: 960, height: 640 };
const RIGHT = { ...NO_SIDES, right: 256 };

test('sides are the form\'s while its fold is on, and the form takes them back', () => {
  const values = { 'outpaint.enabled': true, 'outpaint.left': '64', 'outpaint.top': null, 'outpaint.right': 8.4, 'outpaint.bottom': -3 };
  assert.deepEqual(sidesIn(values), { left: 64, top: 0, right: 8, bottom: 0 });
  assert.deepEqual(sidesIn({ ...values, 'outpaint.enabled': false }), NO_SIDES);
  assert.deepEqual(sidesIn(valuesOf(RIGHT)), RIGHT);
  assert.equal(valuesOf(NO_SIDES)['outpaint.enabled'], false);
  assert.ok(anySide(RIGHT) && !anySide(NO_SIDES));
});

test('an edge goes in steps, never inwards and never beyond the largest picture', () => {
  assert.deepEqual([100, 90, -500, 101].map((to) => pulledTo(to, 64)), [128, 64, 0, 128]);
  assert.equal(pulledTo(101, 8), 104);
  assert.deepEqual([FOX, { width: 128, height: 300 }, { width: 40, height: 40 }].map(strideOf), [64, 16, 8]);
  assert.equal(mostOf(FOX, RIGHT, 'right'), 4096 - 960);
  assert.equal(mostOf(FOX, RIGHT, 'left'), 4096 - 960 - 256);
  assert.equal(pulledTo(9999, 64, mostOf(FOX, RIGHT, 'right')), 3136);
});

test('the whole is made of eights, and a side that grows for it is one that was asked for', () => {
  assert.deepEqual(extended(FOX, RIGHT), { size: { width: 1216, height: 640 }, sides: RIGHT });
  assert.deepEqual(extended({ width: 99, height: 61 }, NO_SIDES), { size: { width: 99, height: 61 }, sides: NO_SIDES });
  assert.deepEqual(extended({ width: 100, height: 60 }, { ...NO_SIDES, left: 50 }), { size: { width: 152, height: 64 }, sides: { left: 52, top: 0, right: 0, bottom: 4 } });
});

test('new sides are masked with their overlap', () => {
  assert.deepEqual(boxOfSides({ width: 1216, height: 640 }, RIGHT, 16), [944, 0, 1216, 640]);
  assert.deepEqual(boxOfSides({ width: 100, height: 100 }, { ...NO_SIDES, left: 10, bottom: 20 }, 5), [0, 0, 100, 100]);
  assert.equal(boxOfSides(FOX, NO_SIDES, 16), null);
});

test('a mask reaches as far as the engine blurs it', () => {
  assert.deepEqual([0, 1, 2, 4, 8, 9, 16, 32, 64].map(reachOf), [0, 3, 5, 10, 20, 22, 39, 77, 154]);  // of images/pixels.py
});

test('what "Only masked" cuts out is what the engine cuts out', () => {
  const cases = [  // printed by crop_region and expand_region over blur_mask and extended_mask
    [[[16, 94, 55, 129], [120, 199], [768, 512], [0, 0, 40, 16], 0, 9, 0], [0, 0, 160, 216]],
    [[[140, 121, 172, 161], [180, 198], [512, 512], [0, 0, 0, 0], 0, 9, 0], [96, 99, 180, 183]],
    [[[24, 3, 52, 38], [70, 137], [512, 512], [40, 40, 40, 40], 0, 0, 8], [0, 0, 152, 224]],
    [[null, [94, 186], [768, 512], [40, 16, 40, 40], 16, 9, 8], [0, 0, 176, 248]],
    [[[88, 4, 121, 28], [183, 82], [512, 768], [0, 0, 0, 0], 0, 0, 0], [88, 0, 121, 49]],
    [[[64, 30, 85, 59], [144, 131], [768, 512], [0, 0, 0, 0], 16, 0, 8], [41, 22, 108, 67]],
    [[[2, 48, 41, 86], [166, 140], [768, 512], [0, 0, 0, 0], 16, 4, 32], [0, 6, 166, 128]],
    [[null, [154, 127], [512, 512], [0, 0, 0, 16], 16, 9, 0], [0, 0, 160, 144]],
    [[[34, 57, 57, 78], [115, 175], [768, 512], [0, 0, 0, 0], 0, 4, 32], [0, 15, 115, 120]],
  ];
  for (const [[painted, [width, height], made, [left, top, right, bottom], overlap, blur, padding], region] of cases) {
    assert.deepEqual(sentRegion({ painted, picture: { width, height }, made: { width: made[0], height: made[1] }, sides: { left, top, right, bottom }, overlap, blur, padding }), region);
  }
  assert.equal(sentRegion({ painted: null, picture: FOX, made: FOX }), null);
});
