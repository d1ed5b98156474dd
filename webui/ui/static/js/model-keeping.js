// @ts-check
// Keeping one model: saving it anew as another type, writing what is kept of it beside it, the pictures it was used for.

import { models } from './api.js';
import { button, el } from './dom.js';
import { count, date, t } from './language.js';
import { parts } from './state.js';
import { go } from './tabs.js';
import { complain, toast } from './toast.js';

const TYPES = [['keep', t('as it is')], ['float16', 'float16'], ['bfloat16', 'bfloat16'], ['float8', 'float8'], ['float32', 'float32']];
const LOOK_EVERY = 1000;  // ms

/** The line with "Save anew as …", and how far that is. */
export function convertLine(model) {
  const type = el('select', { 'aria-label': t('Type of the numbers') }, ...TYPES.map(([value, text]) => el('option', { value }, text)));
  const said = el('span.muted', { role: 'status' });
  const begin = async () => {
    try {
      const begun = await models.convert(model.id, type.value);
      said.textContent = t('Waiting…');
      follow(begun.id, said);
    } catch (problem) {
      complain(problem);
    }
  };
  return el('div.convert-line', {}, el('label', {}, t('Save as .safetensors, '), type), button('save', t('Convert'), begin), said);
}

function follow(id, said) {
  setTimeout(async () => {
    try {
      const { conversions } = await models.conversions();
      const told = conversions.find((each) => each.id === id);
      if (!told || !said.isConnected) return;
      if (told.state === 'done') { said.textContent = t('Saved as {target}', { target: told.target }); toast(t('{name} is converted', { name: told.name })); return; }
      if (told.state === 'failed') { said.textContent = told.error; return; }
      said.textContent = told.total ? `${Math.floor(100 * told.done / told.total)} %` : t('Beginning…');
      follow(id, said);
    } catch (problem) {
      complain(problem);
    }
  }, LOOK_EVERY);
}

/** Writes notes, tags and defaults beside a model, for other programs. */
export const exportButton = (model) => button('save', t('Write notes beside it'), () => models.export(model.id).then(({ written }) => toast(t('Written: {written}', { written: written.join(', ') })), complain),
  { title: t('Writes what is kept of it as NAME.json and NAME.txt, as other programs read them') });

/** How often a model was used, with a way to those pictures. */
export function usedLine({ kind, name, used }) {
  if (!used?.jobs) return used && el('p.muted', {}, t('No job has used it.'));
  const last = used.last && date(used.last);
  const query = { checkpoint: `model:"${name}"`, lora: `lora:"${name}"`, embedding: `emb:"${name}"` }[kind];
  return el('div.convert-line.muted', {}, t('Used by {jobs}, the last on {last}. ', { jobs: count(used.jobs, 'job'), last }),
    query && button('picture', t('Show its pictures'), () => go('gallery').then(() => parts.gallery?.look?.(query))));
}
