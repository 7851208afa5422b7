const EVENTS = ['exit', 'message', 'SIGINT', 'SIGTERM', 'SIGHUP'] as const;

type Listener = (...args: unknown[]) => void;

const listeners = (event: string): Listener[] => process.rawListeners(event) as Listener[];

/**
 * Runs `work` and removes the listeners that it left on the process. 20 and 21 add some for each orchestrator and each
 * command and never remove them: after ten tasks, Node warns, and every orchestrator stays reachable. 22 and later
 * clean up themselves; then there is nothing to do here.
 */
export async function withoutNewListeners<T>(work: () => Promise<T>): Promise<T> {
  const before = EVENTS.map((event) => new Set(listeners(event)));
  try {
    return await work();
  } finally {
    EVENTS.forEach((event, index) => {
      for (const listener of listeners(event)) {
        if (!before[index]?.has(listener)) process.removeListener(event, listener);
      }
    });
  }
}
