// @ts-check
// What the server wrote into the page of what the form is.

/** @type {import('./page-types.d.ts').PageFacts} */
export const facts = JSON.parse(globalThis.document?.getElementById('facts')?.textContent ?? '{}');
