/** When a process has started up, on a machine that is not slow. Not configurable: it only decides when some hundred milliseconds of work are done. */
const STARTED_MS = 3_000;

/** Where compiled files put the requires that they make on first use (tools/lib/lazy-requires.mjs). Absent where sources run. */
const registered = (): (() => unknown)[] =>
  (globalThis as { dteLazyRequires?: (() => unknown)[] }).dteLazyRequires ?? [];

/**
 * Compiled files load a module when something of it is first used. A process that lives for long loads all of them once it has
 * started, one at a time: an installation that replaces node_modules later must not keep it from ending well.
 */
export function loadRestLater(afterMs = STARTED_MS): void {
  const next = (): void => {
    const load = registered().shift();
    if (load === undefined) return;
    try {
      load();
    } catch {
      // Who uses it gets the error.
    }
    // Each may register more.
    setImmediate(next).unref();
  };
  setTimeout(next, afterMs).unref();
}
