import type { ForwardedEvents, ReportEvent } from '@org/dte-report';

/** Clocks agree if a request seems to have taken at most this long: no limit, but what a busy machine needs for one. */
const ON_THE_WAY_MS = 2_000;

/** Milliseconds to add to the times of a request to have them by the clock of its receiver. */
function differenceOf(sentAtMs: number, receivedMs: number): number {
  const difference = receivedMs - sentAtMs;
  return difference >= 0 && difference <= ON_THE_WAY_MS ? 0 : difference;
}

/** The events with times of the receiver's clock. All of them happened before they were received. */
export function inOurTime({ sentAtMs, events }: ForwardedEvents, receivedMs: number): ReportEvent[] {
  const byMs = differenceOf(sentAtMs, receivedMs);
  const ours = (atMs: number): number => Math.min(atMs + byMs, receivedMs);
  return events.map((event) => {
    const moved = { ...event, atMs: ours(event.atMs) };
    if (moved.type !== 'ended') return moved;
    const { startMs, endMs } = moved;
    return {
      ...moved,
      startMs: startMs === null ? null : ours(startMs),
      endMs: endMs === null ? null : ours(endMs),
    };
  });
}
