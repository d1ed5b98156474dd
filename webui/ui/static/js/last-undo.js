// @ts-check
// The way back from the last mark or deletion of pictures, for Ctrl+Z.

/** @type {(() => void) | null} */
let last = null;

/** @param {() => void} run @returns {() => void} it, which serves once: by Ctrl+Z or by its button */
export function undoable(run) {
  const once = () => {
    if (last === once) last = null;
    run();
  };
  last = once;
  return once;
}

/** Take back what was done last; false where there is nothing. */
export function undoLast() {
  const run = last;
  run?.();
  return Boolean(run);
}
