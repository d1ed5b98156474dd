// @ts-check
// Which pictures are chosen: one by one, a range, or all that a search finds; worked out without the page.

export class Selection {
  /** @type {Set<string>} */
  ids = new Set();
  all = false;  // everything that is found, also what was not read yet
  /** @type {string | null} */
  #anchor = null;

  get empty() { return !this.all && this.ids.size === 0; }

  /** @param {string} id */
  has = (id) => this.all || this.ids.has(id);

  /**
   * How many are chosen of so many.
   * @param {number} total
   */
  count = (total) => (this.all ? total : this.ids.size);

  /**
   * Choose one more, or one less. Out of all, only those that were read stay chosen.
   * @param {string} id
   * @param {readonly string[]} order the pictures that were read
   */
  toggle(id, order) {
    if (this.all) {
      this.ids = new Set(order);
      this.all = false;
    }
    if (!this.ids.delete(id)) this.ids.add(id);
    this.#anchor = id;
  }

  /**
   * Choose everything between the one that was chosen last and this one.
   * @param {string} id
   * @param {readonly string[]} order
   */
  reach(id, order) {
    const [from, to] = [order.indexOf(this.#anchor ?? id), order.indexOf(id)].sort((a, b) => a - b);
    if (from < 0) return this.toggle(id, order);
    for (const each of order.slice(from, to + 1)) this.ids.add(each);
  }

  everything() {
    this.all = true;
    this.ids = new Set();
  }

  clear() {
    this.all = false;
    this.ids = new Set();
    this.#anchor = null;
  }

  /**
   * Forget one that is gone.
   * @param {string} id
   */
  drop(id) { this.ids.delete(id); }

  /**
   * What a request names: the ids, or the search that finds all.
   * @param {string} q
   * @param {string} place
   */
  named(q, place) {
    return this.all ? { q, place } : { ids: [...this.ids] };
  }
}
