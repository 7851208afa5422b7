import type { Rendezvous, RendezvousRecord } from '@org/dte-protocol';

/** The address is configured (DTE_COORDINATOR_URL): nothing is published or removed. */
export class StaticRendezvous implements Rendezvous {
  readonly kind = 'static';
  readonly isAddressGiven = true;
  readonly isAcrossMachines = false;
  readonly isShared = false;

  constructor(private readonly url: string) {}

  find(sessionId: string): Promise<RendezvousRecord> {
    const { url } = this;
    return Promise.resolve({
      version: 1,
      sessionId,
      url,
      generation: 'static',
      expiresAtMs: Number.MAX_SAFE_INTEGER,
    });
  }

  publish(): Promise<void> {
    return Promise.resolve();
  }

  withdraw(): Promise<void> {
    return Promise.resolve();
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }

  report(): Promise<void> {
    return Promise.resolve();
  }

  reports(): Promise<[]> {
    return Promise.resolve([]);
  }

  tidy(): Promise<void> {
    return Promise.resolve();
  }
}
