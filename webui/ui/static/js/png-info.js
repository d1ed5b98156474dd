// @ts-check
/** @import { FormParameters } from './api-types.d.ts' */
// Drop a picture: its parameters as a table and as text, and on to the form.

import { page } from './api.js';
import { button, copyText, el, heading, icon, notice } from './dom.js';
import { takePictures } from './drops.js';
import { upload, useValues } from './form.js';
import { t } from './language.js';
import { component, state } from './state.js';
import { complain, toast } from './toast.js';
import { go } from './tabs.js';

component('png-info', (root) => {
  const file = el('input', { type: 'file', accept: 'image/*', hidden: true, onchange: () => { if (file.files[0]) read(file.files[0], out); file.value = ''; } });
  const drop = el('button.drop.tall', { type: 'button', onclick: () => file.click() }, icon('picture'), el('span', {}, t('Drop a picture to read its parameters, paste one, or '), el('u', {}, t('choose a file'))));
  const out = el('div.info', { 'aria-live': 'polite' });
  root.append(heading(t('PNG info')), el('div.narrow', {}, drop, file, out));
  takePictures(() => state.tab === 'png-info', (picture) => read(picture, out));
  return {};
});

let turn = 0;

/**
 * @param {File} file
 * @param {HTMLElement} out
 */
async function read(file, out) {
  const mine = ++turn;
  out.previousElementSibling?.previousElementSibling?.classList.remove('tall');
  const preview = el('img', { src: URL.createObjectURL(file), alt: file.name });
  out.replaceChildren(el('div.info-card', {}, preview, el('p.muted', {}, t('Reading…'))));
  try {
    const found = await page.readPicture(file);
    if (mine !== turn) return;  // another picture was given meanwhile
    out.replaceChildren(card(file, preview, found));
  } catch (problem) {
    if (mine !== turn) return;
    const send = problem.field === 'parameters' ? sendButtons(file) : [];
    out.replaceChildren(el('div.info-card', {}, preview, send.length ? notice(t('This picture says nothing about how it was made.'), [problem.message.slice(problem.message.indexOf('.') + 1).trim(), t('Pictures made with Darkroom, AUTOMATIC1111 or ComfyUI carry them, unless a messenger took them out.')].filter(Boolean).join(' '), ...send) : notice(problem.message, problem.advice)));
  }
}

/**
 * @param {File} file
 * @param {HTMLElement} preview
 * @param {FormParameters} found
 */
function card(file, preview, found) {
  return el('div.info-card', {}, preview, el('div', {},
    el('div.row-of-buttons', {}, found.values && Object.keys(found.values).length > 0 && button('reuse', t('Reuse parameters'), () => apply(found), { class: 'action primary' }), ...sendButtons(file),
      button('copy', t('Copy text'), () => copyText(found.text).then(() => toast(t('Parameters copied'))).catch(complain))),
    found.source && el('p.muted', {}, t('Written by {source}', { source: found.source })),
    el('dl', {}, Object.entries(found.table).flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, String(value))])),
    found.left_out.length > 0 && el('h3', {}, t('Left out')),
    found.left_out.length > 0 && el('ul.muted', {}, found.left_out.map((line) => el('li', {}, line))),
    el('h3', {}, t('Text')), el('pre', {}, found.text)));
}

/** @param {File} file */
const sendButtons = (file) => ['img2img', 'inpaint'].map((mode) => button(mode === 'inpaint' ? 'brush' : 'picture', t('Send to {mode}', { mode }), () => upload(file, mode)));

/** @param {FormParameters} found */
function apply(found) {
  useValues(found.values, { mode: found.mode, say: found.left_out.length ? t('Parameters filled in, {left_out} left out: see PNG info', { left_out: found.left_out.length }) : undefined });
  go(found.mode);
}
