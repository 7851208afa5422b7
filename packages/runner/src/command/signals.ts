/** 128 + the number of the signal, as in shells and Nx. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Signal = keyof typeof EXIT_CODES;

/** The part of `process` that is used; tests pass their own. */
export interface SignalSource {
  on(signal: Signal, listener: (signal: Signal) => void): unknown;
  removeListener(signal: Signal, listener: (signal: Signal) => void): unknown;
  exit(code: number): void;
}

/**
 * Until it is released, a signal first cancels (at most `graceMs`) and then ends the process with Nx's exit code. A
 * second signal ends it immediately.
 * @returns releases the signals, before Nx's own runner installs its handlers
 */
export function cancelOnSignal(
  source: SignalSource,
  graceMs: number,
  cancel: () => Promise<void>,
): () => void {
  let cancelling = false;
  const onSignal = (signal: Signal): void => {
    if (cancelling) {
      source.exit(EXIT_CODES[signal]);
      return;
    }
    cancelling = true;
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    void Promise.race([cancel().catch(() => undefined), patience]).then(() => {
      clearTimeout(timer);
      source.exit(EXIT_CODES[signal]);
    });
  };
  const signals = Object.keys(EXIT_CODES) as Signal[];
  for (const signal of signals) source.on(signal, onSignal);
  return () => {
    for (const signal of signals) source.removeListener(signal, onSignal);
  };
}
