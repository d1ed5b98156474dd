// @ts-check
// The bar above large pictures, the same in the viewer and in Compare.

import { el, icon, iconButton } from './dom.js';
import { t } from './language.js';
import { store, stored } from './storage.js';

/** The bar's free middle, where messages are told. */
export const room = () => el('div.look-room');

/**
 * @param {string} back what leads back is called
 * @param {() => void} close
 * @param {...any} more
 */
export const lookBar = (back, close, ...more) =>
  el('div.look-bar', {}, el('button.action.look-back', { type: 'button', title: t('{back} (Esc)', { back }), 'aria-label': t('{back} (Esc)', { back }), onclick: close }, icon('left'), el('span', {}, back)), ...more);

/** As large as the screen. The element lies in the dialog, which cannot be it itself. @param {() => HTMLElement} body */
export const fullScreen = (body) => iconButton('full', t('Full screen (F)'), () => (document.fullscreenElement ? document.exitFullscreen() : body().requestFullscreen?.())?.catch(() => {}), { 'data-do': 'full' });

/** Whether what is said beside the picture is shown, kept for the next time. @param {() => HTMLElement} body @param {() => void} changed */
export function sideSwitch(body, changed) {
  const on = () => stored('viewer-side', true);
  const node = iconButton('info', t('Parameters (I)'), () => {
    store('viewer-side', !on());
    put();
    changed();
  }, { class: 'tool look-info', 'aria-pressed': String(on()) });
  const put = () => {
    body().classList.toggle('no-side', !on());
    node.setAttribute('aria-pressed', String(on()));
  };
  queueMicrotask(put);
  return node;
}
