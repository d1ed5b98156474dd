// @ts-check
/** @import { FormParameters } from './api-types.d.ts' */
// Above the prompt: token count, the way to the shelf, and applying a pasted parameters text or what a dropped picture says.

import { page } from './api.js';
import { el, iconButton } from './dom.js';
import { takePictures } from './drops.js';
import { fillFrom, form, useValues } from './form.js';
import { t } from './language.js';
import { earlierPrompts, presets } from './presets.js';
import { component, parts, state } from './state.js';
import { go } from './tabs.js';
import { toast } from './toast.js';

const PARAMETERS = /(^|\n)Steps: \d{1,9}, .{0,2000}?(Sampler|Seed|CFG scale): /s;

component('prompt-tools', (root) => {
  const count = el('span', { id: 'tokens', title: t('Tokens of the prompt, and what fits into its chunks') }, '0 / 75');
  const shelf = iconButton('shelf', t('LoRA, embeddings and styles on the shelf (Alt+S)'), (event) => { parts.shelf[event.detail < 2 ? 'toggle' : 'open']('lora'); });  // a double click is one wish
  const apply = iconButton('paste', t('Apply a parameters text in the prompt'), () => { applyText(form.values.prompt ?? ''); });
  root.append(el('div.prompt-tools', {}, iconButton('open', t('Presets'), presets), iconButton('undo', t('Earlier prompts'), earlierPrompts), shelf, apply, count));
  document.addEventListener('paste', (event) => offer(event));
  takePictures((target) => state.tab === 'txt2img' || Boolean(target.closest?.('#prompt')), applyPicture);
  let timer = 0, turn = 0;
  const typed = (prompt) => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const mine = ++turn;
      const told = await page.tokens(prompt ?? '').catch(() => null);
      if (mine === turn) count.textContent = told ? `${told.count} / ${told.limit}` : '–';
    }, 150);
  };
  if (form.values.prompt) typed(form.values.prompt);  // the form was filled before this box was there
  return { typed };
});

/** A parameters text pasted into the prompt: offer to take it apart. */
function offer(event) {
  if (!event.target.matches?.('#prompt textarea')) return;
  const text = event.clipboardData?.getData('text/plain') ?? '';
  if (PARAMETERS.test(text)) toast(t('These are parameters of a picture'), { action: { label: t('Apply'), run: () => applyText(text) } });
}

function applyText(text) {
  if (!text.trim()) return toast(t('Paste a parameters text into the prompt first'));
  return fillFrom(page.readText(text), use);
}

/** A picture made from another one goes on in its own tab, where that one can be given. */
export const applyPicture = (/** @type {File} */ file) => fillFrom(page.readPicture(file), (found) => {
  use(found);
  if (state.tab === 'txt2img') go(found.mode);
});

/** @param {FormParameters} found */
function use(found) {
  const left = found.left_out.slice(0, 3).join('; ');
  useValues(found.values, { mode: found.mode, say: left ? t('Parameters applied. Left out: {left}{dots}', { left, dots: found.left_out.length > 3 ? ' …' : '' }) : t('Parameters applied') });
}
