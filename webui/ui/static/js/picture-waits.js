// @ts-check
// The picture that was typed and waits for its model: made when the download has come, whichever tab is open, and after a reload or a restart.

import { models, page } from './api.js';
import { form, generateWith } from './form.js';
import { t } from './language.js';
import { forget, store, stored } from './storage.js';
import { parts } from './state.js';
import { complain, toast } from './toast.js';

const WAITING = 'picture-waits-for';  // { id of the download, key: whichever window makes the picture, it is made once, told: why it did not arrive }

/** @returns {{id: string, key: string, told: string} | null} */
const waiting = () => stored(WAITING, null);

export function watchWaiting() {
  parts.waits = { download: heard, back: ask };
}

/** Whether a picture waits for this download. @type {(id: string) => boolean} */
export const waitsFor = (id) => waiting()?.id === id;

/** Whether this says that the download was taken off the list. @type {(told: any) => boolean} */
export const isRemoved = (told) => told.error === 'Removed.';

/** Tell all parts of the page of a download that has changed. @type {(told: any) => void} */
export function tell(told) {
  for (const part of Object.values(parts)) part.download?.(told);
}

/** Fetch one of the models to begin with, and make the picture with it when it has arrived. */
export async function getAndMake({ source, kind, title }) {
  const told = /** @type {any} */ (await models.download(source, kind));
  store(WAITING, { id: told.id, key: `waits-${told.id}-${crypto.getRandomValues(new Uint32Array(2)).join('-')}`, told: '' });
  toast(t('Your picture is made when {title} has arrived.', { title }));
  tell(told);
  await ask();  // a small one may have come before it was waited for
}

/** What has come while nobody listened: the page was loaded anew, or the server started again. */
export async function ask() {
  const id = waiting()?.id;
  if (!id || !form.names.length) return;
  try {
    const { downloads } = /** @type {any} */ (await models.downloads());
    if (!downloads.some((each) => each.id === id)) forget(WAITING);
    downloads.filter((each) => each.id === id).forEach(tell);
  } catch (problem) {
    complain(problem);
  }
}

/** The form must be there: it says what is to be made. When it comes, `ask` is called. */
function heard(told) {
  const wish = waiting();
  if (!wish || wish.id !== told.id) return;
  if (isRemoved(told)) return forget(WAITING);
  if (!form.names.length) return;
  if (told.state === 'done') {
    forget(WAITING);
    make(told, wish.key).catch(complain);
  } else if (told.state === 'failed' && told.error !== wish.told) {
    store(WAITING, { ...wish, told: told.error });
    toast(t('Your picture waits, for {title} did not arrive: {error} When it is resumed and here, the picture is made.', told), { kind: 'error' });
  } else if (told.state === 'running' && wish.told && !told.error) {
    store(WAITING, { ...wish, told: '' });
  }
}

async function make(told, key) {
  await page.lookAgain();
  const { models: found } = /** @type {any} */ (await models.find({ kind: 'checkpoint', sort: '-added', limit: 20 }));
  const name = found.find((each) => each.file === told.target)?.name;
  if (!name) return;
  if (!form.values.prompt) return void toast(t('{title} is here. Choose it, and say what the picture should show.', told));
  toast(t('{title} is here. Making your picture with it.', { title: told.title }));
  await generateWith(name, key);
}
