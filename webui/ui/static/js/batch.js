// @ts-check
// Batch: what the form says, made for every picture of a folder of the server's machine.

import { page } from './api.js';
import { el } from './dom.js';
import { formRequest } from './form.js';
import { t } from './language.js';
import { toast } from './toast.js';

const PROMPTS = [['request', t('of the form alone')], ['metadata', t('and each picture’s own, from its metadata')], ['files', t('and NAME.txt beside each picture')]];

/** The fold on the Grid tab. @param {() => Promise<void>} made called when a batch is on its way */
export function batchFold(made) {
  const folder = el('input', { type: 'text', placeholder: '/whole/path/of/a/folder', maxlength: 4000 });
  const masks = el('input', { type: 'text', placeholder: t('/path/of/masks, or nothing'), maxlength: 4000 });
  const prompts = el('select', { 'aria-label': t('Which prompts') }, PROMPTS.map(([value, text]) => el('option', { value }, t('Prompts {source}', { source: text }))));
  const own = el('input', { type: 'checkbox', checked: true });
  const error = el('p.danger', { role: 'alert', hidden: true });
  const passed = el('p.muted', { role: 'status' });

  const start = async () => {
    error.hidden = true;
    passed.textContent = '';
    try {
      const grid = await page.makeBatch({ values: await formRequest(), folder: folder.value.trim(), masks: masks.value.trim(), prompts: prompts.value, own_sizes: own.checked });
      toast(t('{total} pictures on their way', { total: grid.total }));
      const others = grid.passed_over;
      passed.textContent = others.length ? t('Passed over: {others}{more}', { others: others.slice(0, 10).map(({ name, why }) => `${name} (${why})`).join(' '), more: others.length > 10 ? t(' and {others} more', { others: others.length - 10 }) : '' }) : '';
      await made();
    } catch (problem) {
      error.textContent = problem.message;
      error.hidden = false;
    }
  };
  const fields = el('div.batch-fields', {},
    el('label.stacked', {}, t('Folder of pictures on this machine'), folder), el('label.stacked', {}, t('Folder of masks with the same names'), masks), prompts,
    el('label.switch', {}, own, el('span', {}, t('Each in its own shape and size'))), error,
    el('div.grid-line', {}, el('button.primary-action', { type: 'button', onclick: start }, t('Start the batch')), passed));
  return el('details.card.batch-form', {}, el('summary', {}, t('Batch: every picture of a folder')), fields);
}
