// @ts-check
/** @import { PageImage } from './page-types.d.ts' */
// A picture into the clipboard, for another program to paste.

import { images } from './api.js';
import { t } from './language.js';
import { complain, toast } from './toast.js';

/** Awaits until it is there; what fails is said. @param {PageImage} image */
export async function copyPicture(image) {
  const png = pngOf(images.file(image.id));
  try {
    await navigator.clipboard.write([new ClipboardItem({ 'image/png': png })]);  // a promise in it: Safari's permission ends with the click
    toast(t('Picture copied'));
  } catch {
    complain(new Error(await png.then(() => t('The browser does not let this page copy.'), () => t('The file of this picture cannot be read.'))));
  }
}

/** The clipboard of browsers takes no other format. @param {string} address @returns {Promise<Blob>} */
async function pngOf(address) {
  const answer = await fetch(address);
  const file = await answer.blob();
  if (answer.ok && file.type === 'image/png') return file;
  const picture = await createImageBitmap(file);  // fails for what is no picture, as an error's answer is
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext('2d')).drawImage(picture, 0, 0);
  return canvas.convertToBlob();
}
