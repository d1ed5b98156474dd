// @ts-check
// The list of keys (?): those of the place one is in come first.

import { $, el, iconButton, openDialog } from './dom.js';
import { t } from './language.js';
import { inStudio, state } from './state.js';

/** @type {{place: string, title: string, keys: [string, string][]}[]} */
const LISTS = [
  { place: 'studio', title: t('Form and picture'), keys: [
    ['Ctrl+Enter', t('Generate')], ['Esc', t('Stop')], ['/', t('To the prompt')], ['Ctrl+↑ Ctrl+↓', t('Weight of the words, or of the tag, at the cursor')], ['Alt+V', t('Vary the field, or the words chosen')],
    ['Alt+S', t('Shelf')], ['← →', t('Newer or older picture')],
  ] },
  { place: 'canvas', title: t('Canvas'), keys: [
    ['B', t('Brush')], ['K', t('Colour')], ['E', t('Eraser')], ['H', t('Move, also with Space held')], ['L', t('Layer')], ['V', t('Invert the mask')], ['[ ]', t('Size of the brush')], ['+ − 0', t('Closer, further, all of it')],
    ['Ctrl+Z Ctrl+Shift+Z', t('Undo, redo')], ['← → Enter Backspace', t('Results: turn, accept, discard')], ['O', t('Hold: the picture to start from')],
  ] },
  { place: 'gallery', title: t('Gallery'), keys: [
    ['← → ↑ ↓', t('Move')], ['PgUp PgDn Home End', t('By screens, to the ends')], ['[ ]', t('Session before or after')], ['Space Enter', t('Open')], ['Ctrl+Space', t('Choose')], ['I', t('Parameters')], ['P X U', t('Keep, reject, neither')], ['0–5', t('Stars')],
    ['C', t('Compare')], ['Del', t('To the bin')], ['Ctrl+A', t('All')],
  ] },
  { place: 'viewer', title: t('Picture, full size'), keys: [
    ['← →', t('Newer or older picture')], ['+ − Z', t('Zoom')], ['C', t('Compare with the next')], ['I', t('Parameters')], ['F', t('Full screen')], ['O', t('Hold: the picture to start from')],
  ] },
  { place: 'compare', title: t('Compare'), keys: [['1–4', t('How to compare')], ['Space', t('Hold, in Blink: the other')], ['S', t('Swap')], ['0', t('All of it')], ['F', t('Full screen')]] },
  { place: '', title: t('Everywhere'), keys: [['Ctrl+K', t('Find')], ['Alt+Q', t('Queue')], ['Alt+1 … Alt+9', t('Tabs')], ['Ctrl+Z', t('Undo')], ['?', t('Keys')], ['Esc', t('Close')]] },
];

const here = () => (inStudio() ? ['studio', ...(state.tab === 'txt2img' ? [] : ['canvas'])] : state.tab === 'gallery' ? ['gallery', 'viewer', 'compare'] : ['']);

/** Show it. True: the key was ours. */
export function showKeys() {
  if ($('dialog[open]')) return false;
  const first = here();
  const lists = [...LISTS].sort((a, b) => Number(first.includes(b.place)) - Number(first.includes(a.place)));
  const dialog = el('dialog.picker.key-list', { 'aria-label': t('Keys'), onclose: () => dialog.remove(), onclick: (/** @type {any} */ event) => { if (event.target === dialog) dialog.close(); } },
    el('div.card-head', {}, el('h2', {}, t('Keys')), iconButton('close', t('Close (Esc)'), () => dialog.close())),
    el('div.key-lists', { tabindex: 0, role: 'group', 'aria-label': t('Keys') }, lists.map(({ title, keys }) => el('section', {}, el('h3', {}, title), el('dl', {}, keys.map(([key, what]) => el('div', {}, el('dt', {}, key.split(' ').map((each) => el('kbd', {}, each))), el('dd', {}, what))))))));
  openDialog(dialog);
  return true;
}
