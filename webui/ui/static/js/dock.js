// @ts-check
// On a phone the picture has the page: what is about to be made stands in a line beside Generate, and the form is a sheet over the picture.

import { leaveFor } from './address.js';
import { $, $$, announce, el, icon, iconButton } from './dom.js';
import { form } from './form.js';
import { size } from './format.js';
import { t } from './language.js';
import { tagsIn } from './lora-tags.js';
import { component, inStudio, state } from './state.js';

const narrow = matchMedia('(max-width: 760px)');
const BEHIND = '#topbar, #nav > .tab-wrapper, #stage-column';  // what the sheet lies over
const SWIPE = 72;  // px downwards that close it

const it = { open: false, before: /** @type {any} */ (null), drawn: '' };

component('dock', (root) => {
  const chips = el('div.dock-chips', { role: 'group', 'aria-label': t('Parameters') });
  const line = el('button.dock-prompt', { type: 'button', onclick: () => open('prompt') });
  root.append(chips, line);
  $('#form').prepend(head());
  narrow.addEventListener('change', () => { if (!narrow.matches) shut(); });
  visualViewport?.addEventListener('resize', aboveKeyboard);
  return {
    reveal: () => { if (narrow.matches && inStudio() && !it.open) open(''); },
    close,
    escape: () => it.open && (close(), true),
    arrived: () => { if (it.open && !history.state?.sheet) shut(); },
    draw() {
      if (it.open && !inStudio()) shut();
      if (!narrow.matches) return;
      const words = String(form.values.prompt ?? '').trim(), facts = chipsNow();
      const now = JSON.stringify([words, facts]);
      if (now === it.drawn) return;
      it.drawn = now;
      const prompt = words || t('What should the picture show?');
      line.replaceChildren(el('span', { dir: 'auto' }, prompt));
      line.classList.toggle('empty', !words);
      line.setAttribute('aria-label', t('Change the prompt: {prompt}', { prompt }));
      chips.replaceChildren(...facts.map(({ field, text, sign }) => el('button.dock-chip', { type: 'button', onclick: () => open(field) }, sign ? icon(sign) : null, text)));
    },
  };
});

/** What the picture will be made with, each with the field that says so. @returns {{field: string, text: string, sign?: string}[]} */
function chipsNow() {
  const { width, height, steps, guidance, batch_count: count } = form.values, native = form.native;
  const loras = tagsIn(String(form.values.prompt ?? '')).length;
  const sized = [width ?? native.width, height ?? native.height].map(Number);
  return [
    ...(state.mode === 'txt2img' ? [] : [{ field: 'source', text: state.source.image ? t('Start picture') : t('Add a picture'), sign: 'picture' }]),
    ...(sized.every(Boolean) ? [{ field: 'size', text: size(sized[0], sized[1]) }] : []),
    ...(steps ?? native.steps ? [{ field: 'steps', text: t('{steps} steps', { steps: Number(steps ?? native.steps) }) }] : []),
    ...(guidance ?? native.guidance ? [{ field: 'guidance', text: t('CFG {guidance}', { guidance: Number(guidance ?? native.guidance) }) }] : []),
    ...(loras ? [{ field: 'prompt', text: t('{n} LoRA', { n: loras }) }] : []),
    ...(Number(count) > 1 ? [{ field: 'batch_count', text: `× ${count}` }] : []),
  ];
}

/** The sheet's own edge: pulled or pressed it closes. */
function head() {
  const shutter = iconButton('down', t('Close the form'), close, { class: 'tool sheet-close' });
  const node = el('div.sheet-head', {}, shutter);
  node.addEventListener('pointerdown', ({ clientY: from }) => {
    addEventListener('pointerup', ({ clientY }) => { if (clientY - from > SWIPE) close(); }, { once: true });
  });
  return node;
}

/** Open the sheet at a field. @param {string} name */
function open(name) {
  it.before = document.activeElement;
  it.open = true;
  document.body.dataset.sheet = 'form';
  history.pushState({ ...history.state, depth: (history.state?.depth ?? 0) + 1, sheet: true }, '');
  for (const each of $$(BEHIND)) each.inert = true;
  const field = name ? $(`#${CSS.escape(name)}`) : null;
  field?.scrollIntoView({ block: name === 'prompt' ? 'nearest' : 'center' });
  const target = field && $('textarea, input:not([type=file], [type=radio]), input:checked, button', field);
  (target ?? $('.sheet-close')).focus({ preventScroll: true });
  announce(t('Parameters'));
}

/** Close it as Back does. */
function close() {
  if (!it.open) return;
  shut();
  if (history.state?.sheet) leaveFor(location.hash);
}

function shut() {
  it.open = false;
  delete document.body.dataset.sheet;
  for (const each of $$(BEHIND)) each.inert = false;
  const back = it.before?.isConnected && it.before !== document.body && it.before.getClientRects().length ? it.before : $('.dock-prompt');
  if (inStudio()) back?.focus({ preventScroll: true });
}

/** An on-screen keyboard covers the window's end on some systems, and what stands there goes up with it. */
function aboveKeyboard() {
  const view = /** @type {VisualViewport} */ (visualViewport);
  const covered = view.scale > 1.01 ? 0 : Math.max(0, innerHeight - view.height - view.offsetTop);
  document.documentElement.style.setProperty('--keyboard', `${Math.round(covered)}px`);
}
