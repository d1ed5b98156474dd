// @ts-check
/** @import { FormParameters, ModelCard } from './api-types.d.ts' */
// Above the prompt: token count, the LoRA picker, and applying a pasted parameters text or what a dropped picture says.

import { page } from './api.js';
import { $, el, iconButton } from './dom.js';
import { takePictures } from './drops.js';
import { fillFrom, form, useValues } from './form.js';
import { matching, nameIn, tagAfter } from './lora-tags.js';
import { earlierPrompts, presets } from './presets.js';
import { component, state } from './state.js';
import { go } from './tabs.js';
import { complain, toast } from './toast.js';
import { typeInto } from './typing.js';
import { bytes } from './format.js';

const PARAMETERS = /(^|\n)Steps: \d{1,9}, .{0,2000}?(Sampler|Seed|CFG scale): /s;

component('prompt-tools', (root) => {
  const count = el('span', { id: 'tokens', title: 'Tokens of the prompt, and what fits into its chunks' }, '0 / 75');
  const lora = iconButton('layers', 'Insert a LoRA', () => { pick(); });
  const apply = iconButton('paste', 'Apply a parameters text in the prompt', () => { applyText(form.values.prompt ?? ''); });
  root.append(el('div.prompt-tools', {}, iconButton('open', 'Presets', presets), iconButton('undo', 'Earlier prompts', earlierPrompts), lora, apply, count));
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
  if (PARAMETERS.test(text)) toast('These are parameters of a picture', { action: { label: 'Apply', run: () => applyText(text) } });
}

function applyText(text) {
  if (!text.trim()) return toast('Paste a parameters text into the prompt first');
  return fillFrom(page.readText(text), use);
}

/** A picture made from another one goes on in its own tab, where that one can be given. */
const applyPicture = (file) => fillFrom(page.readPicture(file), (found) => {
  use(found);
  if (state.tab === 'txt2img') go(found.mode);
});

/** @param {FormParameters} found */
function use(found) {
  const left = found.left_out.slice(0, 3).join('; ');
  useValues(found.values, { mode: found.mode, say: left ? `Parameters applied. Left out: ${left}${found.left_out.length > 3 ? ' …' : ''}` : 'Parameters applied' });
}

// ---------------------------------------------------------------------------------------------------------- LoRA
async function pick() {
  /** @type {import('./api-types.d.ts').ModelCard[] | null} */
  let models = null;  // until the server has told them: words may be typed before
  const list = () => {
    if (!models) return;
    const all = models, found = matching(all, search.value);
    rows.replaceChildren(...found.map((model) => row(model, nameIn(all, model), box)));
    if (!found.length) rows.append(el('p.muted', {}, all.length ? 'No LoRA matches.' : 'No LoRA yet. Put files into models/Lora.'));
  };
  const search = el('input.search', { type: 'search', placeholder: 'Search', 'aria-label': 'Search LoRAs', oninput: list });
  const rows = el('div.pick-list', { role: 'list' });
  const box = el('dialog.picker', { 'aria-label': 'Insert a LoRA', onclose: () => box.remove(), onclick: (event) => { if (event.target === box) box.close(); } },
    el('div.card-head', {}, el('h3', {}, 'LoRA'), iconButton('close', 'Close (Esc)', () => box.close())), search, rows);
  document.body.append(box);
  box.showModal();
  try {
    models = await page.models('lora');
    list();
  } catch (problem) {
    box.close();
    complain(problem);
  }
}

/**
 * @param {ModelCard} model
 * @param {string} name
 * @param {HTMLDialogElement} box
 */
const row = (model, name, box) => el('div', { role: 'listitem' },
  el('button.pick', { type: 'button', onclick: () => { box.close(); insert(name); } },
    el('span', {}, model.name), el('span.muted', {}, model.error || (model.note ? `${bytes(model.size)} · ${model.note}` : bytes(model.size)))));

/** Put a tag where the cursor is. */
function insert(name) {
  const area = $('#prompt textarea');
  const at = area.selectionEnd ?? area.value.length;
  typeInto(area, at, at, tagAfter(area.value.slice(0, at), name));
}
