// @ts-check
// Beside the checkpoint: its picture, which opens the shelf at the checkpoints.

import { el, icon } from './dom.js';
import { t } from './language.js';
import { checkpointCard } from './shelf-use.js';
import { learnOnce, pictureOf, whenKnown } from './shelf-models.js';
import { component, parts } from './state.js';

component('checkpoint-shelf', (root) => {
  const picture = el('img', { alt: '', hidden: true }), blank = icon('shelf');
  root.append(el('button.checkpoint-shelf', { type: 'button', title: t('Choose a checkpoint on the shelf'), 'aria-label': t('Choose a checkpoint on the shelf'), onclick: (/** @type {MouseEvent} */ event) => { parts.shelf[event.detail < 2 ? 'toggle' : 'open']('checkpoint'); } }, picture, blank));
  const show = () => {
    const address = pictureOf(checkpointCard() ?? {});
    if (address && picture.getAttribute('src') !== address) picture.src = address;
    picture.hidden = !address;
    blank.hidden = Boolean(address);
  };
  whenKnown(show);
  (globalThis.requestIdleCallback ?? setTimeout)(() => { learnOnce().catch(() => {}); });
  return { draw: show };
});
