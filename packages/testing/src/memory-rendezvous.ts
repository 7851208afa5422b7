import type { Rendezvous, RendezvousRecord } from '@org/dte-protocol';

/** Records in a map that several instances may share. */
export class MemoryRendezvous implements Rendezvous {
  readonly kind = 'memory';

  constructor(
    private readonly now: () => number,
    private readonly records = new Map<string, RendezvousRecord>(),
  ) {}

  find(sessionId: string): Promise<RendezvousRecord | null> {
    const record = this.records.get(sessionId);
    return Promise.resolve(record !== undefined && record.expiresAtMs > this.now() ? record : null);
  }

  publish(record: RendezvousRecord): Promise<void> {
    this.records.set(record.sessionId, record);
    return Promise.resolve();
  }

  withdraw(sessionId: string, generation: string): Promise<void> {
    if (this.records.get(sessionId)?.generation === generation) this.records.delete(sessionId);
    return Promise.resolve();
  }

  finish(sessionId: string, generation: string, expiresAtMs: number): Promise<void> {
    const record = this.records.get(sessionId);
    if (record?.generation === generation)
      this.records.set(sessionId, { ...record, expiresAtMs, state: 'finished' });
    return Promise.resolve();
  }
}
