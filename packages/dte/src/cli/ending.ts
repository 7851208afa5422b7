import type { Coordinator } from '@org/dte-coordinator';
import { duration, type LimitValues } from '@org/dte-protocol';
import { say } from './context';

/** Resolves with the next signal that asks this process to exit. Without a call, a signal ends it at once. */
export const whenAskedToEnd = (): Promise<void> =>
  new Promise((resolve) => {
    const signals = ['SIGINT', 'SIGTERM'] as const;
    const asked = (): void => {
      for (const signal of signals) process.off(signal, asked);
      resolve();
    };
    for (const signal of signals) process.on(signal, asked);
  });

/** Running sessions may go on for a moment; another signal ends that. */
export async function drained(coordinator: Coordinator, { coordinatorDrainMs }: LimitValues): Promise<void> {
  const now = new AbortController();
  void whenAskedToEnd().then(() => now.abort());
  const running = coordinator.sessions().filter(({ finished }) => !finished).length;
  if (running > 0)
    say(
      `dte: ending; ${running} running sessions go on for at most ${duration(coordinatorDrainMs)}, and with the next coordinator on this folder (another signal: at once)`,
    );
  await coordinator.drain(now.signal);
}
