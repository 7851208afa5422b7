import { rendezvousContract } from './rendezvous.contract';
import { MemoryRendezvous, MemoryRendezvousStore } from './memory-rendezvous';

rendezvousContract('memory', () => {
  let now = 1_000;
  const store = new MemoryRendezvousStore();
  return Promise.resolve({
    publisher: new MemoryRendezvous(() => now, store),
    seeker: new MemoryRendezvous(() => now, store),
    advance: (ms) => void (now += ms),
    nowMs: () => now,
    cleanUp: () => Promise.resolve(),
  });
});
