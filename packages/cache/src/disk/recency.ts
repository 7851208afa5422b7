/** A member of one list, in the order of use. */
export interface Linked<T> {
  older: T | null;
  newer: T | null;
}

/** The least recently used first. Linked, because a list of a million changes with every read. */
export class RecencyList<T extends Linked<T>> {
  private first: T | null = null;
  private last: T | null = null;

  get oldest(): T | null {
    return this.first;
  }

  /** @param item that is in no list */
  add(item: T): void {
    item.older = this.last;
    item.newer = null;
    if (this.last === null) this.first = item;
    else this.last.newer = item;
    this.last = item;
  }

  remove(item: T): void {
    if (item.older === null) this.first = item.newer;
    else item.older.newer = item.newer;
    if (item.newer === null) this.last = item.older;
    else item.newer.older = item.older;
    item.older = null;
    item.newer = null;
  }

  *[Symbol.iterator](): Generator<T, void, undefined> {
    for (let item = this.first; item !== null;) {
      const { newer } = item;
      yield item;
      item = newer;
    }
  }
}
