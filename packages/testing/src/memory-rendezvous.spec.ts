import type { RendezvousRecord } from '@org/dte-protocol';
import { rendezvousContract } from './contracts/rendezvous.contract';
import { MemoryRendezvous } from './memory-rendezvous';

rendezvousContract('memory', () => {
  let now = 1_000;
  const records = new Map<string, RendezvousRecord>();
  return Promise.resolve({
    publisher: new MemoryRendezvous(() => now, records),
    seeker: new MemoryRendezvous(() => now, records),
    advance: (ms) => void (now += ms),
    nowMs: () => now,
    cleanUp: () => Promise.resolve(),
  });
});
