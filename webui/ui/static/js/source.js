// @ts-check
// The picture that img2img and inpaint start from: drop, paste or choose one, or send one from the gallery.

import { images } from './api.js';
import { button, el, icon } from './dom.js';
import { takePictures } from './drops.js';
import { setSource, upload } from './form.js';
import { component, state } from './state.js';
import { size } from './format.js';

component('source', (root) => {
  const file = el('input', { type: 'file', accept: 'image/*', hidden: true, onchange: () => { if (file.files[0]) upload(file.files[0]); file.value = ''; } });
  const choose = () => file.click();
  const empty = el('button.drop', { type: 'button', onclick: choose }, icon('picture'), el('span', {}, 'Drop a picture, paste one, or ', el('u', {}, 'choose a file')));
  const picture = el('img', { alt: 'Picture to start from' });
  const about = el('span.muted');
  const card = el('div.source-card', {}, picture, el('div', {}, el('b', {}, 'Picture'), about,
    el('div.row-of-buttons', {}, button('open', 'Replace', choose), button('close', 'Remove', () => setSource(null)))));
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
    },
  };
});
