/** When a process has started up, on a machine that is not slow. Not configurable: it only decides when some hundred milliseconds of work are done. */
const STARTED_MS = 3_000;

/** Between two modules, in ms: other work comes first. Not configurable: all of them take less than a second. */
const PAUSE_MS = 1;

/** A compiled file, and a function that uses all that the file uses of one of its imports. */
type Registered = readonly [file: string, use: () => unknown];

/** Where compiled files put the requires that they make on first use (tools/lib/lazy-requires.mjs). Absent where sources run. */
const registered = (): Registered[] => (globalThis as { dteLazyUses?: Registered[] }).dteLazyUses ?? [];

/**
 * Compiled files load a module when something of it is first used. A process that lives for long loads all that it may use once it
 * has started, one module at a time: an installation that replaces node_modules later must not keep it from ending well.
 * @param isForeign files that are loaded, and whose imports this process never uses
 */
export function loadRestLater(isForeign: (file: string) => boolean, afterMs = STARTED_MS): void {
  const next = (): void => {
    const [file, use] = registered().shift() ?? [];
    if (file === undefined || use === undefined) return;
    try {
      if (!isForeign(file)) use();
    } catch {
      // Who uses it gets the error.
    }
    // Each may register more. Not an immediate: without a reference, it would wait for whatever else wakes the process.
    setTimeout(next, PAUSE_MS).unref();
  };
  setTimeout(next, afterMs).unref();
}
