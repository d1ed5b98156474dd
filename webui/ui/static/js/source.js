// @ts-check
// The picture that img2img and inpaint start from: drop, paste or choose one, or send one from the gallery.

import { images } from './api.js';
import { button, el, icon } from './dom.js';
import { takePictures } from './drops.js';
import { form, resizeBy, setSource, upload } from './form.js';
import { factorIn, scaleBetween } from './form-values.js';
import { t } from './language.js';
import { component, state } from './state.js';
import { size } from './format.js';

component('source', (root) => {
  const file = el('input', { type: 'file', accept: 'image/*', hidden: true, onchange: () => { if (file.files[0]) upload(file.files[0]); file.value = ''; } });
  const choose = () => file.click();
  const empty = el('button.drop', { type: 'button', onclick: choose }, icon('picture'), el('span', {}, t('Drop a picture, paste one, or '), el('u', {}, t('choose a file'))));
  const picture = el('img', { alt: t('Picture to start from') });
  const about = el('span.muted'), made = el('span.muted');
  const factor = el('input', { type: 'text', inputmode: 'decimal', id: 'resize-by', autocomplete: 'off', title: t('0.25 to 4 times the picture'), onchange: () => take(), onkeydown: (event) => step(event) });
  const fault = el('p.field-note', { role: 'alert', hidden: true });
  const take = () => {
    const wanted = factorIn(factor.value);
    fault.hidden = wanted !== null;
    fault.textContent = wanted === null ? t('Resize by takes a number from 0.25 to 4.') : '';
    if (wanted !== null) resizeBy(wanted);
  };
  const step = (event) => {
    const by = { ArrowUp: 0.05, ArrowDown: -0.05 }[event.key];
    if (!by) return;
    event.preventDefault();
    factor.value = String(Math.round((Math.min(4, Math.max(0.25, (factorIn(factor.value) ?? 1) + by * (event.shiftKey ? 10 : 1)))) * 100) / 100);
    take();
  };
  const card = el('div.source-card', {}, picture, el('div', {}, el('b', {}, t('Picture')), about,
    el('div.resize-by', {}, el('label', { for: 'resize-by' }, t('Resize by')), factor, made), fault,
    el('div.row-of-buttons', {}, button('open', t('Replace'), choose), button('close', t('Remove'), () => setSource(null)))));
  root.append(el('div.source', {}, empty, card, file));
  takePictures((target) => (state.tab === 'img2img' || state.tab === 'inpaint') && !target.closest?.('#prompt'), upload);
  return {
    draw() {
      const { image, width, height } = state.source;
      empty.hidden = Boolean(image);
      card.hidden = !image;
      if (image && picture.dataset.id !== image) {
        picture.dataset.id = image;
        picture.src = images.thumb(image);
        about.textContent = size(width, height);
      }
      if (!image || !width || !height) return;
      const { values } = form;
      made.textContent = values.width && values.height ? `→ ${size(values.width, values.height)}` : '';
      if (document.activeElement === factor) return;
      factor.value = String(scaleBetween({ width, height }, values.width, values.height) ?? '');
      fault.hidden = true;
    },
  };
});
