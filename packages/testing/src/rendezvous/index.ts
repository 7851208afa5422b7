export { MemoryRendezvous } from './memory-rendezvous';
export { rendezvousContract } from './rendezvous.contract';
