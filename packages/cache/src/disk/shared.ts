/** Different values that are remembered: those of some hundred pipelines. Not configurable: it saves memory, nothing else. */
const KEPT = 10_000;

/** Equal values, in memory once. It forgets from time to time, so that it does not grow with what is long gone. */
export class Shared<T> {
  private readonly known = new Map<string, T>();

  /** @param keyOf different for different values */
  constructor(private readonly keyOf: (value: T) => string) {}

  of(value: T): T {
    const key = this.keyOf(value);
    const known = this.known.get(key);
    if (known !== undefined) return known;
    if (this.known.size >= KEPT) this.known.clear();
    this.known.set(key, value);
    return value;
  }
}
