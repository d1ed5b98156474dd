// In the page of an extension's tab: it is as dark as the page around it, now and when that changes.
{
  const outer = parent.document;
  const follow = () => {
    const dark = outer.body.classList.contains('dark');
    for (const node of [document.documentElement, document.body]) node?.classList.toggle('dark', dark);
  };
  follow();
  addEventListener('DOMContentLoaded', follow);
  const watched = new MutationObserver(follow);
  watched.observe(outer.body, { attributeFilter: ['class'] });
  addEventListener('pagehide', () => watched.disconnect());
}
