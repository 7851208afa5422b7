/** A binary heap: the first element is always the smallest. */
export class Heap<T> {
  private readonly items: T[] = [];

  /** @param before whether `a` comes before `b` */
  constructor(private readonly before: (a: T, b: T) => boolean) {}

  get first(): T | undefined {
    return this.items[0];
  }

  push(item: T): void {
    const { items } = this;
    let place = items.push(item) - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.swapped(parent, place)) return;
      place = parent;
    }
  }

  pop(): T | undefined {
    const { items } = this;
    const [first] = items;
    const last = items.pop();
    if (last === undefined || items.length === 0) return first;
    items[0] = last;
    for (let place = 0; ;) {
      const [left, right] = [2 * place + 1, 2 * place + 2];
      const child = this.isBefore(right, left) ? right : left;
      if (!this.swapped(place, child)) return first;
      place = child;
    }
  }

  private isBefore(a: number, b: number): boolean {
    const [one, other] = [this.items[a], this.items[b]];
    return one !== undefined && (other === undefined || this.before(one, other));
  }

  /** Puts the element at `child` before that at `parent`, if it belongs there. */
  private swapped(parent: number, child: number): boolean {
    const [up, down] = [this.items[parent], this.items[child]];
    if (up === undefined || down === undefined || !this.before(down, up)) return false;
    this.items[parent] = down;
    this.items[child] = up;
    return true;
  }
}
