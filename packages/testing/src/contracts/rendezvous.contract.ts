import type { Rendezvous, RendezvousRecord } from '@org/dte-protocol';

/** One adapter under test, on storage of its own. */
export interface RendezvousUnderTest {
  /** Two doors to the same storage: what one process publishes, another finds. */
  readonly publisher: Rendezvous;
  readonly seeker: Rendezvous;
  /** Moves the clock of both. */
  advance(ms: number): void;
  nowMs(): number;
  cleanUp(): Promise<void>;
}

/** What every rendezvous that can publish promises. */
export function rendezvousContract(adapter: string, create: () => Promise<RendezvousUnderTest>): void {
  describe(`rendezvous: ${adapter}`, () => {
    let subject: RendezvousUnderTest;
    const record = (fields: Partial<RendezvousRecord> = {}): RendezvousRecord => ({
      version: 1,
      sessionId: '7-1001',
      url: 'http://127.0.0.1:7337',
      generation: 'first',
      expiresAtMs: subject.nowMs() + 60_000,
      ...fields,
    });

    beforeEach(async () => {
      subject = await create();
    });
    afterEach(() => subject.cleanUp());

    it('finds nothing before anything was published', async () => {
      expect(await subject.seeker.find('7-1001')).toBeNull();
    });

    it('finds in one process what another has published', async () => {
      await subject.publisher.publish(record());
      expect(await subject.seeker.find('7-1001')).toEqual(record());
    });

    it('keeps sessions apart', async () => {
      await subject.publisher.publish(record());
      expect(await subject.seeker.find('7-1002')).toBeNull();
    });

    it('finds the newer of two records of a session', async () => {
      await subject.publisher.publish(record());
      await subject.publisher.publish(record({ generation: 'second', url: 'http://127.0.0.1:7338' }));
      expect(await subject.seeker.find('7-1001')).toMatchObject({
        generation: 'second',
        url: 'http://127.0.0.1:7338',
      });
    });

    it('finds nothing once the record has expired', async () => {
      await subject.publisher.publish(record());
      subject.advance(60_001);
      expect(await subject.seeker.find('7-1001')).toBeNull();
    });

    it('takes a record back for its own generation', async () => {
      await subject.publisher.publish(record());
      await subject.publisher.withdraw('7-1001', 'first');
      expect(await subject.seeker.find('7-1001')).toBeNull();
    });

    it('leaves the record of a newer generation in place when an older one is taken back', async () => {
      await subject.publisher.publish(record({ generation: 'second' }));
      await subject.publisher.withdraw('7-1001', 'first');
      expect(await subject.seeker.find('7-1001')).toMatchObject({ generation: 'second' });
    });

    it('takes nothing back, without an error, when there is nothing', async () => {
      await expect(subject.publisher.withdraw('7-1001', 'first')).resolves.toBeUndefined();
    });

    it('finds that a session is finished, for as long as it was said, though its address would have expired', async () => {
      await subject.publisher.publish(record({ jobId: '9001' }));
      await subject.publisher.finish('7-1001', 'first', subject.nowMs() + 120_000);
      subject.advance(60_001);
      const expiresAtMs = subject.nowMs() + 59_999;
      const finished = { ...record({ jobId: '9001' }), expiresAtMs, state: 'finished' };
      expect(await subject.seeker.find('7-1001')).toEqual(finished);
      subject.advance(60_000);
      expect(await subject.seeker.find('7-1001')).toBeNull();
    });

    it('finds the address of whoever opens a finished session again', async () => {
      await subject.publisher.publish(record());
      await subject.publisher.finish('7-1001', 'first', subject.nowMs() + 120_000);
      await subject.publisher.publish(record({ generation: 'second' }));
      expect(await subject.seeker.find('7-1001')).toEqual(record({ generation: 'second' }));
    });

    it('leaves the record of a newer generation open when an older one says that it is finished', async () => {
      await subject.publisher.publish(record({ generation: 'second' }));
      await subject.publisher.finish('7-1001', 'first', subject.nowMs() + 120_000);
      expect(await subject.seeker.find('7-1001')).toEqual(record({ generation: 'second' }));
    });

    it('says of no session that it is finished when nobody had published one', async () => {
      await subject.publisher.finish('7-1001', 'first', subject.nowMs() + 120_000);
      expect(await subject.seeker.find('7-1001')).toBeNull();
    });

    it('never shows half a record while records are replaced', async () => {
      await subject.publisher.publish(record());
      const writes = Array.from({ length: 20 }, (_, index) =>
        subject.publisher.publish(record({ generation: `g${index}` })),
      );
      const seen = await Promise.all(Array.from({ length: 50 }, () => subject.seeker.find('7-1001')));
      await Promise.all(writes);
      expect(seen.every((found) => found?.sessionId === '7-1001')).toBe(true);
    });
  });
}
