import { LIMITS, type Rendezvous, type RendezvousRecord, type RendezvousReport } from '@org/dte-protocol';

/** The storage that several instances may share. */
export class MemoryRendezvousStore {
  readonly records = new Map<string, RendezvousRecord>();
  /** By session, generation and agent. */
  readonly reports = new Map<string, RendezvousReport>();
}

/** Records and reports in memory. */
export class MemoryRendezvous implements Rendezvous {
  readonly kind = 'memory';
  readonly isAddressGiven = false;
  readonly isAcrossMachines = false;
  readonly isShared = false;

  constructor(
    private readonly now: () => number,
    private readonly store = new MemoryRendezvousStore(),
  ) {}

  find(sessionId: string): Promise<RendezvousRecord | null> {
    const record = this.store.records.get(sessionId);
    return Promise.resolve(record !== undefined && record.expiresAtMs > this.now() ? record : null);
  }

  publish(record: RendezvousRecord): Promise<void> {
    this.store.records.set(record.sessionId, record);
    return Promise.resolve();
  }

  withdraw(sessionId: string, generation: string): Promise<void> {
    const { records } = this.store;
    if (records.get(sessionId)?.generation === generation) records.delete(sessionId);
    return Promise.resolve();
  }

  finish(sessionId: string, generation: string, expiresAtMs: number): Promise<void> {
    const record = this.store.records.get(sessionId);
    if (record?.generation === generation)
      this.store.records.set(sessionId, { ...record, expiresAtMs, state: 'finished' });
    return Promise.resolve();
  }

  report(sessionId: string, generation: string, report: RendezvousReport): Promise<void> {
    this.store.reports.set(JSON.stringify([sessionId, generation, report.name, report.jobUrl]), report);
    return Promise.resolve();
  }

  reports(sessionId: string, generation: string): Promise<readonly RendezvousReport[]> {
    const prefix = JSON.stringify([sessionId, generation]).slice(0, -1);
    const found = [...this.store.reports].filter(([key]) => key.startsWith(`${prefix},`));
    return Promise.resolve(found.map(([, report]) => report).slice(0, LIMITS.rendezvousReports.value));
  }

  tidy(): Promise<void> {
    const { records } = this.store;
    for (const [id, { expiresAtMs }] of records) if (expiresAtMs <= this.now()) records.delete(id);
    return Promise.resolve();
  }
}
