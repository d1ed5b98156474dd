// @ts-check
// Every tab has an address, and so has a picture that is looked at: `#queue`, `#picture/ID`. Back and Forward go through those that were visited.

const PATIENCE = 1000;  // ms that going back may take

let going = 0;       // the timer while a step back is under way
/** @type {string | null} */
let wished = null;   // an address that was asked for meanwhile

/** Where the page is by its address: {tab, picture}; `picture` lies in the gallery. */
export const here = () => placeAt(location.hash);

/**
 * The place that an address means: `#queue`, `#picture/ID`.
 * @param {string} hash
 * @returns {{tab: string, picture: string | null}}
 */
export function placeAt(hash) {
  const [first, ...rest] = decoded(hash.slice(1)).split('/');
  return first === 'picture' && rest[0] ? { tab: 'gallery', picture: rest.join('/') } : { tab: first || 'txt2img', picture: null };
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;  // typed by hand
  }
}

/** @type {(id: string) => string} */
export const pictureAddress = (id) => `#picture/${encodeURIComponent(id)}`;

/**
 * Go on to an address. `instead`: in place of the present one.
 * @param {string} address
 * @param {{instead?: boolean}} [options]
 */
export function visit(address, { instead = false } = {}) {
  if (going) wished = address;
  else if (address === location.hash) return;
  else if (instead) history.replaceState(history.state, '', address);
  else history.pushState({ depth: (history.state?.depth ?? 0) + 1 }, '', address);
}

/**
 * Leave the present address for the one before it, which is `address`; of a page that began here, in its place.
 * @param {string} address
 */
export function leaveFor(address) {
  if (!history.state?.depth) return visit(address, { instead: true });
  going = setTimeout(arrived, PATIENCE);
  history.back();
}

function arrived() {
  if (!going) return false;
  clearTimeout(going);
  going = 0;
  const next = wished;
  wished = null;
  if (next) visit(next);
  return true;
}

/**
 * `arrive()` is called when Back, Forward or an address typed by hand leads elsewhere.
 * @param {() => void} arrive
 */
export function watchAddress(arrive) {
  history.scrollRestoration = 'manual';  // each tab keeps its own place
  addEventListener('popstate', () => { if (!arrived()) arrive(); });
}
