// What is wrong with the page as it stands, for tests/browser/test_access.py; axe-core lies beside it.
{
  const TARGETS = 'a[href], button, input:not([type=hidden], [type=file]), select, textarea, summary, label:has(> input), [role=option], [role=slider][tabindex]';
  const WORDS = 'button, a.action, label, h2, h3, legend, summary, dt';
  const LEAST = 43.5;  // px, of 44: layouts round

  const seen = (node) => node.checkVisibility({ visibilityProperty: true }) && !node.closest('[inert], .visually-hidden') && node.offsetWidth > 1;
  const named = (node) => `${node.tagName.toLowerCase()}#${node.id}.${[...node.classList].join('.')} “${(node.ariaLabel || node.textContent).trim().slice(0, 40)}”`;

  /** Of axe-core, every rule. What stands in frames is Gradio's. */
  const violations = async () => (await axe.run(document, { resultTypes: ['violations'], iframes: false, preload: false })).violations
    .flatMap(({ id, nodes }) => nodes.map(({ target, any, all, none }) => `${id}: ${target.join(' ')} ${[...any, ...all, ...none][0]?.message ?? ''}`));

  const isElsewhere = (node) => (node.matches('input:is([type=checkbox], [type=radio])') && node.closest('label'))  // the label is as good
    || getComputedStyle(node).pointerEvents === 'none'
    || (node.matches('a') && getComputedStyle(node).display === 'inline');  // in a text
  const takes = (node, x, y) => { const at = document.elementFromPoint(x, y); return Boolean(at) && (node.contains(at) || (at.contains(node) && Boolean(at.closest('label')))); };

  /** Whether it takes presses around what is drawn of it. */
  const reaches = (node) => {
    node.scrollIntoView({ block: 'center', inline: 'center', behavior: 'instant' });
    const { left, top, width, height } = node.getBoundingClientRect(), x = left + width / 2, y = top + height / 2;
    return [[-21, 0], [21, 0], [0, -21], [0, 21]].every(([right, down]) => takes(node, x + right, y + down));
  };

  /** What a finger may miss. */
  const small = () => [...([...document.querySelectorAll('dialog[open]')].at(-1) ?? document.body).querySelectorAll(TARGETS)]
    .filter((node) => seen(node) && !node.disabled && !isElsewhere(node))
    .filter((node) => { const { width, height } = node.getBoundingClientRect(); return Math.min(width, height) < LEAST; })
    .filter((node) => !reaches(node)).map((node) => `small: ${named(node)} ${node.offsetWidth} × ${node.offsetHeight}`);

  /** Words that their box has no room for, and a page wider than its window. */
  const cut = () => [...document.querySelectorAll(WORDS)]
    .filter((node) => seen(node) && node.textContent.trim() && node.clientWidth > 2 && getComputedStyle(node).textOverflow !== 'ellipsis' && node.scrollWidth > node.clientWidth + 2)
    .map((node) => `cut: ${named(node)}`)
    .concat(document.documentElement.scrollWidth > innerWidth + 1 ? ['the page goes sideways'] : []);

  globalThis.faults = async (touch) => [...await violations(), ...cut(), ...(touch ? small() : [])];
}
