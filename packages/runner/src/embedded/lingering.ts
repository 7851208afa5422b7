/** What has to be known of a coordinator. */
interface Lingering {
  /** Those in memory. */
  sessions(): readonly { readonly finished: boolean; readonly agents: number; readonly mains: number }[];
}

/**
 * A coordinator keeps running for a while after its session is finished, so that late agents learn that it is over
 * instead of waiting for an address.
 */
export function lingering(
  ms: number,
  coordinator: Lingering,
): { arm(): void; over: Promise<void>; isFinished(): boolean } {
  let armed = false;
  let timer: NodeJS.Timeout | undefined;
  let end: () => void = () => undefined;
  const over = new Promise<void>((resolve) => (end = resolve));
  // Sessions in memory are open or have members; a finished one without members was announced before.
  const isFinished = (): boolean => {
    const sessions = coordinator.sessions();
    return sessions.every(({ finished }) => finished) && (armed || sessions.length > 0);
  };
  const look = (): void => {
    const inUse = coordinator.sessions().some(({ agents, mains }) => agents + mains > 0);
    // It was reopened: the mark is published again when it has finished.
    if (isFinished() && !inUse) end();
  };
  return {
    over,
    isFinished,
    arm: () => {
      armed = true;
      clearTimeout(timer);
      // The server keeps the process running; after it is closed, nothing may.
      timer = setTimeout(look, ms).unref();
    },
  };
}
