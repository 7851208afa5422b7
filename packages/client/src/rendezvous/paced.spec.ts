import { DteError, type RendezvousRecord } from '@org/dte-protocol';
import { MemoryRendezvous } from '@org/dte-testing';
import { PacedRendezvous } from './paced';

const limits = { rendezvousPollMinMs: 1_000, rendezvousPollMaxMs: 5_000 };
const RECORD: RendezvousRecord = {
  version: 1,
  sessionId: 's',
  url: 'http://h:1',
  generation: 'first',
  expiresAtMs: Number.MAX_SAFE_INTEGER,
};

describe('PacedRendezvous', () => {
  let now: number;
  let asked: number[];
  let inner: MemoryRendezvous;
  let paced: PacedRendezvous;

  beforeEach(() => {
    now = 0;
    asked = [];
    inner = new MemoryRendezvous(() => now);
    const find = inner.find.bind(inner);
    jest.spyOn(inner, 'find').mockImplementation((id) => {
      asked.push(now);
      return find(id);
    });
    paced = new PacedRendezvous(inner, limits, () => now);
  });

  const everyTenthOfASecond = async (untilMs: number): Promise<void> => {
    for (; now < untilMs; now += 100) await paced.find('s').catch(() => null);
  };

  it('asks less and less often while no record is published', async () => {
    await everyTenthOfASecond(20_000);
    expect(asked).toEqual([0, 1_000, 3_000, 7_000, 12_000, 17_000]);
  });

  it('finds a record with its next request, and asks more often again', async () => {
    await everyTenthOfASecond(8_000);
    await inner.publish(RECORD);
    await everyTenthOfASecond(12_000);
    expect(await paced.find('s')).toEqual(RECORD);
    await everyTenthOfASecond(14_000);
    expect(asked.slice(-2)).toEqual([12_000, 13_000]);
  });

  it('repeats an error for as long as it would an answer', async () => {
    jest.spyOn(inner, 'find').mockImplementation(() => {
      asked.push(now);
      return Promise.reject(new DteError('DTE_RENDEZVOUS_UNAVAILABLE', 'busy'));
    });
    await everyTenthOfASecond(2_000);
    await expect(paced.find('s')).rejects.toMatchObject({ code: 'DTE_RENDEZVOUS_UNAVAILABLE' });
    expect(asked).toEqual([0, 1_000]);
  });

  it('passes reports on', async () => {
    const report = { version: 1, name: 'a', jobUrl: null, message: 'm', atMs: 0 } as const;
    await paced.report('s', 'first', report);
    expect(await inner.reports('s', 'first')).toEqual([report]);
  });
});
