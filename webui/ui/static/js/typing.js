// @ts-check
// Text put into a box as if it were typed, so that the browser's own undo (Ctrl+Z) takes it back.

/** Put `text` in place of from…to and leave the cursor behind it. */
export function typeInto(area, from, to, text) {
  area.focus();
  area.setSelectionRange(from, to);
  if (document.execCommand('insertText', false, text)) return;
  area.setRangeText(text, from, to, 'end');  // a browser without that command
  area.dispatchEvent(new Event('input', { bubbles: true }));
}
