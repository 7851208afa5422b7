import { LIMITS, type Rendezvous, type RendezvousRecord, type RendezvousReport } from '@org/dte-protocol';

/** One adapter under test, with its own storage. */
export interface RendezvousUnderTest {
  /** Two instances on the same storage: what one process publishes, another finds. */
  readonly publisher: Rendezvous;
  readonly seeker: Rendezvous;
  /** Advances the clock of both. */
  advance(ms: number): void;
  nowMs(): number;
  cleanUp(): Promise<void>;
}

const record = (subject: RendezvousUnderTest, fields: Partial<RendezvousRecord> = {}): RendezvousRecord => ({
  version: 1,
  sessionId: '7-1001',
  url: 'http://127.0.0.1:7337',
  generation: 'first',
  expiresAtMs: subject.nowMs() + 60_000,
  ...fields,
});

const report = (subject: RendezvousUnderTest, fields: Partial<RendezvousReport> = {}): RendezvousReport => ({
  version: 1,
  name: 'nx-agent 1/3',
  jobUrl: 'https://gitlab.example.com/g/p/-/jobs/9002',
  message: 'http://127.0.0.1:7337: connection refused',
  atMs: subject.nowMs(),
  ...fields,
});

const byName = (reports: readonly RendezvousReport[]): readonly RendezvousReport[] =>
  [...reports].sort((a, b) => a.name.localeCompare(b.name));

/** The contract of every rendezvous that can publish. */
export function rendezvousContract(adapter: string, create: () => Promise<RendezvousUnderTest>): void {
  describe(`rendezvous: ${adapter}`, () => {
    let current: RendezvousUnderTest;
    beforeEach(async () => {
      current = await create();
    });
    afterEach(() => current.cleanUp());

    const subject = (): RendezvousUnderTest => current;
    publishes(subject);
    withdraws(subject);
    staysWhole(subject);
    finishes(subject);
    reports(subject);
  });
}

function publishes(subject: () => RendezvousUnderTest): void {
  it('finds nothing before something is published', async () => {
    expect(await subject().seeker.find('7-1001')).toBeNull();
  });

  it('finds in one process what another has published', async () => {
    await subject().publisher.publish(record(subject()));
    expect(await subject().seeker.find('7-1001')).toEqual(record(subject()));
  });

  it('separates sessions', async () => {
    await subject().publisher.publish(record(subject()));
    expect(await subject().seeker.find('7-1002')).toBeNull();
  });

  it('finds the newer of two records of a session', async () => {
    await subject().publisher.publish(record(subject()));
    await subject().publisher.publish(
      record(subject(), { generation: 'second', url: 'http://127.0.0.1:7338' }),
    );
    expect(await subject().seeker.find('7-1001')).toMatchObject({
      generation: 'second',
      url: 'http://127.0.0.1:7338',
    });
  });

  it('finds nothing after the record has expired', async () => {
    await subject().publisher.publish(record(subject()));
    subject().advance(60_001);
    expect(await subject().seeker.find('7-1001')).toBeNull();
  });

  it('keeps all fields of a record', async () => {
    const full = record(subject(), {
      url: 'https://10.0.0.7:41233',
      alternatives: ['https://192.168.1.7:41233', 'https://[fd00::7]:41233'],
      pin: `sha256/${'A'.repeat(43)}=`,
      jobId: '9001',
    });
    await subject().publisher.publish(full);
    expect(await subject().seeker.find('7-1001')).toEqual(full);
  });

  it('never shows a partial record while records are replaced', async () => {
    await subject().publisher.publish(record(subject()));
    const writes = Array.from({ length: 20 }, (_, index) =>
      subject().publisher.publish(record(subject(), { generation: `g${index}` })),
    );
    const seen = await Promise.all(Array.from({ length: 50 }, () => subject().seeker.find('7-1001')));
    await Promise.all(writes);
    expect(seen.every((found) => found?.sessionId === '7-1001')).toBe(true);
  });
}

function staysWhole(subject: () => RendezvousUnderTest): void {
  it('never shows a partial record while records are replaced', async () => {
    await subject().publisher.publish(record(subject()));
    const writes = Array.from({ length: 20 }, (_, index) =>
      subject().publisher.publish(record(subject(), { generation: `g${index}` })),
    );
    const seen = await Promise.all(Array.from({ length: 50 }, () => subject().seeker.find('7-1001')));
    await Promise.all(writes);
    expect(seen.every((found) => found?.sessionId === '7-1001')).toBe(true);
  });

  it('keeps current records when it cleans up', async () => {
    await subject().publisher.publish(record(subject()));
    await subject().seeker.report('7-1001', 'first', report(subject()));
    await subject().publisher.publish(
      record(subject(), { sessionId: '7-1002', expiresAtMs: subject().nowMs() + 1 }),
    );
    subject().advance(2);
    await subject().publisher.tidy();
    expect(await subject().seeker.find('7-1001')).not.toBeNull();
    expect(await subject().publisher.reports('7-1001', 'first')).toHaveLength(1);
  });
}

function withdraws(subject: () => RendezvousUnderTest): void {
  it('removes a record of its own generation', async () => {
    await subject().publisher.publish(record(subject()));
    await subject().publisher.withdraw('7-1001', 'first');
    expect(await subject().seeker.find('7-1001')).toBeNull();
  });

  it('keeps the record of a newer generation when an older one is removed', async () => {
    await subject().publisher.publish(record(subject(), { generation: 'second' }));
    await subject().publisher.withdraw('7-1001', 'first');
    expect(await subject().seeker.find('7-1001')).toMatchObject({ generation: 'second' });
  });

  it('removes nothing, without an error, if there is nothing', async () => {
    await expect(subject().publisher.withdraw('7-1001', 'first')).resolves.toBeUndefined();
  });
}

function finishes(subject: () => RendezvousUnderTest): void {
  it('reports that a session is finished for the given time, even if its address has expired', async () => {
    await subject().publisher.publish(record(subject(), { jobId: '9001' }));
    await subject().publisher.finish('7-1001', 'first', subject().nowMs() + 120_000);
    subject().advance(60_001);
    const expiresAtMs = subject().nowMs() + 59_999;
    const finished = { ...record(subject(), { jobId: '9001' }), expiresAtMs, state: 'finished' };
    expect(await subject().seeker.find('7-1001')).toEqual(finished);
    subject().advance(60_000);
    expect(await subject().seeker.find('7-1001')).toBeNull();
  });

  it('finds the address of a reopened session', async () => {
    await subject().publisher.publish(record(subject()));
    await subject().publisher.finish('7-1001', 'first', subject().nowMs() + 120_000);
    await subject().publisher.publish(record(subject(), { generation: 'second' }));
    expect(await subject().seeker.find('7-1001')).toEqual(record(subject(), { generation: 'second' }));
  });

  it('keeps the record of a newer generation open when an older one marks it as finished', async () => {
    await subject().publisher.publish(record(subject(), { generation: 'second' }));
    await subject().publisher.finish('7-1001', 'first', subject().nowMs() + 120_000);
    expect(await subject().seeker.find('7-1001')).toEqual(record(subject(), { generation: 'second' }));
  });

  it('marks no session as finished if nothing was published', async () => {
    await subject().publisher.finish('7-1001', 'first', subject().nowMs() + 120_000);
    expect(await subject().seeker.find('7-1001')).toBeNull();
  });
}

function reports(subject: () => RendezvousUnderTest): void {
  it('has no reports before an agent has reported', async () => {
    expect(await subject().publisher.reports('7-1001', 'first')).toEqual([]);
    await subject().publisher.publish(record(subject()));
    expect(await subject().publisher.reports('7-1001', 'first')).toEqual([]);
  });

  it('returns the reports of agents to the main job, the newest of each', async () => {
    await subject().publisher.publish(record(subject()));
    const other = report(subject(), { name: 'ägent/2: "b"', jobUrl: null });
    await subject().seeker.report('7-1001', 'first', report(subject(), { message: 'earlier' }));
    await subject().seeker.report('7-1001', 'first', other);
    await subject().seeker.report('7-1001', 'first', report(subject()));
    expect(byName(await subject().publisher.reports('7-1001', 'first'))).toEqual(
      byName([report(subject()), other]),
    );
  });

  it('separates reports of sessions and generations', async () => {
    await subject().publisher.publish(record(subject()));
    await subject().seeker.report('7-1001', 'first', report(subject()));
    expect(await subject().publisher.reports('7-1001', 'second')).toEqual([]);
    expect(await subject().publisher.reports('7-1001-windows', 'first')).toEqual([]);
    expect(await subject().publisher.reports('7', '1001')).toEqual([]);
  });

  it('returns some of very many reports', async () => {
    await subject().publisher.publish(record(subject()));
    const { value: most } = LIMITS.rendezvousReports;
    for (let index = 0; index < most + 5; index++)
      await subject().seeker.report('7-1001', 'first', report(subject(), { name: `agent ${index}` }));
    expect(await subject().publisher.reports('7-1001', 'first')).toHaveLength(most);
  });
}
