// @ts-check
// Which pictures are chosen: one by one, a range, or all that a search finds; worked out without the page.

export class Selection {
  /** @type {Set<string>} */
  ids = new Set();
  all = false;  // everything that is found, also what was not read yet, without `but`
  /** @type {Set<string>} */
  but = new Set();
  /** @type {string | null} */
  #anchor = null;

  get empty() { return !this.all && this.ids.size === 0; }

  /** The one that was chosen last. */
  get anchor() { return this.#anchor; }

  /** @param {string} id */
  has = (id) => (this.all ? !this.but.has(id) : this.ids.has(id));

  /**
   * How many are chosen of so many.
   * @param {number} total
   */
  count = (total) => (this.all ? total - this.but.size : this.ids.size);

  /**
   * Choose one more, or one less.
   * @param {string} id
   */
  toggle(id) {
    const marked = this.all ? this.but : this.ids;
    if (!marked.delete(id)) marked.add(id);
    this.#anchor = id;
  }

  /**
   * Choose everything between the one that was chosen last and this one.
   * @param {string} id
   * @param {readonly string[]} order the pictures; those that were not read have no id
   */
  reach(id, order) {
    const [from, to] = [order.indexOf(this.#anchor ?? id), order.indexOf(id)].sort((a, b) => a - b);
    if (from < 0) return this.toggle(id);
    for (const each of order.slice(from, to + 1)) {
      if (this.all) this.but.delete(each);
      else if (each) this.ids.add(each);
    }
  }

  everything() {
    this.all = true;
    this.ids = new Set();
    this.but = new Set();
  }

  clear() {
    this.all = false;
    this.ids = new Set();
    this.but = new Set();
    this.#anchor = null;
  }

  /**
   * Forget one that is gone.
   * @param {string} id
   */
  drop(id) {
    this.ids.delete(id);
    this.but.delete(id);
  }

  /**
   * What a request names: the ids, or the search that finds all.
   * @param {string} q
   * @param {string} place
   */
  named(q, place) {
    return this.all ? { q, place, without: [...this.but] } : { ids: [...this.ids] };
  }
}
