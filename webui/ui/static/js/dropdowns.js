// @ts-check
// Gradio's drop-down lists by keyboard: a list is open only while its field has the focus, and Tab goes from field to field.

const FIELD = '[role=combobox]';
const SETTLED = 250;  // ms that Gradio may take to close a list by itself

/** @type {(field: Element) => boolean} */
const isOpen = (field) => field.getAttribute('aria-expanded') === 'true';

/** @type {(target: EventTarget | null) => HTMLElement | null} */
const fieldOf = (target) => (target instanceof HTMLElement && target.matches(FIELD) ? target : null);

/** Gradio closes a list when Escape is pressed in its field. @type {(field: Element) => void} */
const close = (field) => { field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', code: 'Escape', bubbles: true })); };

export function watchDropdowns() {
  addEventListener('keydown', (event) => {
    const field = fieldOf(event.target);
    if (!field || !isOpen(field) || !event.isTrusted) return;
    if (event.key === 'Tab') passListsBy();
    if (event.key === 'Enter') setTimeout(() => comeBack(field), SETTLED);
  }, true);
  addEventListener('focusout', (event) => {
    const field = fieldOf(event.target);
    if (field) setTimeout(() => { if (document.activeElement !== field && isOpen(field)) close(field); }, SETTLED);
  }, true);
}

/** Browsers put what scrolls into the Tab order; an open list is its field's, not a stop of its own. */
function passListsBy() {
  for (const list of document.querySelectorAll('ul.options, [role=listbox]')) /** @type {HTMLElement} */ (list).tabIndex = -1;
}

/** Gradio takes the focus away with a choice by Enter: the field has it again, with its list closed. @param {HTMLElement} field */
function comeBack(field) {
  if (document.activeElement !== document.body || !field.isConnected) return;
  field.focus({ preventScroll: true });
  close(field);
}
