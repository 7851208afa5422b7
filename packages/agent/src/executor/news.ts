import { type Channel } from './channel';
import { type AttemptRef } from './ipc';
import { type AttemptHooks } from './run-attempt';

/** Tells the supervisor how far an attempt is. @param outputs those that may be on disk when its slot becomes free */
export function newsOf(
  channel: Channel,
  ref: AttemptRef,
  outputs: () => string[],
): Pick<AttemptHooks, 'onExecuting' | 'onRan' | 'onFreed'> {
  let isFreed = false;
  return {
    onFreed: () => {
      if (!isFreed) channel.send({ type: 'freed', ref, outputs: outputs() });
      isFreed = true;
    },
    onExecuting: (startMs, timeoutMs) => {
      const news = { type: 'executing', ref, startMs, timeoutMs } as const;
      // The supervisor, which also enforces a limit, must know it in time.
      if (timeoutMs === undefined) channel.sendSoon(news);
      else channel.send(news);
    },
    onRan: () => channel.send({ type: 'ran', ref }),
  };
}
