// @ts-check
// Every tab has an address, and so has what is looked at: `#queue`, `#picture/ID`, `#compare/ID/ID`. Back and Forward go through those that were visited.

const PATIENCE = 1000;  // ms that going back may take

let going = 0;       // the timer while a step back is under way
/** @type {string | null} */
let wished = null;   // an address that was asked for meanwhile

/** Where the page is by its address; `picture`, or those of `compare`, lie in the gallery. */
export const here = () => placeAt(location.hash);

/**
 * The place that an address means: `#queue`, `#picture/ID`, `#compare/ID/ID`.
 * @param {string} hash
 * @returns {{tab: string, picture: string | null, compare: string[]}}
 */
export function placeAt(hash) {
  const [first, ...rest] = hash.slice(1).split('/').map(decoded);
  if (first === 'picture' && rest[0]) return { tab: 'gallery', picture: rest.join('/'), compare: [] };
  if (first === 'compare' && rest.length > 1) return { tab: 'gallery', picture: null, compare: rest };
  return { tab: first || 'txt2img', picture: null, compare: [] };
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
/** @type {(ids: readonly string[]) => string} */
export const compareAddress = (ids) => `#compare/${ids.map(encodeURIComponent).join('/')}`;

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
