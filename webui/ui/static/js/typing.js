// @ts-check
// Text put into a box as if it were typed, so that the browser's own undo (Ctrl+Z) takes it back.

let putting = false;

/** Whether the input that is heard of now is what this file puts in, and nobody's typing. */
export const isPutting = () => putting;

/** Put `text` in place of from…to and leave the cursor behind it. */
export function typeInto(area, from, to, text) {
  if (from === to && !text) return;
  putting = true;
  try {
    area.focus({ preventScroll: area === document.activeElement });
    area.setSelectionRange(from, to);
    if (document.activeElement === area && document.execCommand(text ? 'insertText' : 'delete', false, text)) return;
    area.setRangeText(text, from, to, 'end');  // a browser without that command, or a box behind something else
    area.dispatchEvent(new Event('input', { bubbles: true }));
  } finally {
    putting = false;
  }
}

/** The same from elsewhere: the focus stays where it is, and on a phone no keyboard comes up. */
export function putInto(area, { start, end, text }) {
  const from = document.activeElement;
  if (from === area) return typeInto(area, start, end, text);
  if (matchMedia('(pointer: coarse)').matches) {
    area.setRangeText(text, start, end, 'end');
    area.dispatchEvent(new Event('input', { bubbles: true }));
    return;
  }
  area.focus({ preventScroll: true });
  typeInto(area, start, end, text);
  if (from instanceof HTMLElement && from.isConnected && from !== document.body) from.focus({ preventScroll: true });
}
