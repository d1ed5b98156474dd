// @ts-check
// Pictures dropped or pasted anywhere on the page. What becomes of one depends on the tab; a drop that nobody wants is ignored, so that the browser does not leave the page for it.

const takers = [];

/** `take(file, all)` gets a picture dropped or pasted where `wants(target)` says so, and all files that came with it. Who asks first is asked first. */
export const takePictures = (wants, take) => takers.push({ wants, take });

function offer(event, files) {
  const all = [...(files ?? [])], picture = all.find((each) => each.type.startsWith('image/'));
  const taker = picture && takers.find(({ wants }) => wants(event.target));
  if (taker) event.preventDefault();
  taker?.take(picture, all);
}

export function watchDrops() {
  const isFile = (event) => event.dataTransfer?.types.includes('Files') && !event.target.closest?.('input[type=file]');
  document.addEventListener('dragover', (event) => { if (isFile(event)) event.preventDefault(); });
  document.addEventListener('drop', (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    offer(event, event.dataTransfer?.files);
  });
  document.addEventListener('paste', (event) => offer(event, event.clipboardData?.files));
}
