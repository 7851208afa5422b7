import { RestoreQueue } from './restore-queue';

/** A restore that ends when the test lets it. */
function controlled(log: string[], name: string) {
  let end: () => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const done = new Promise<void>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  const work = async (): Promise<string> => {
    log.push(`begin ${name}`);
    await done;
    log.push(`end ${name}`);
    return name;
  };
  return { work, end, fail };
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('RestoreQueue', () => {
  let log: string[];
  beforeEach(() => (log = []));

  it('limits how many tasks are restored at a time', async () => {
    const queue = new RestoreQueue(2);
    const jobs = ['a', 'b', 'c'].map((name) => ({ name, ...controlled(log, name) }));
    const results = jobs.map(({ name, work }) => queue.add(name, { after: [] }, work));
    await turn();
    expect(log).toEqual(['begin a', 'begin b']);
    jobs[0]!.end();
    await turn();
    expect(log).toEqual(['begin a', 'begin b', 'end a', 'begin c']);
    jobs.forEach(({ end }) => end());
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c']);
    expect(queue.pending).toBe(0);
  });

  it('restores a task after those that write to the same places, even if one of them failed', async () => {
    const queue = new RestoreQueue(8);
    const lib = controlled(log, 'lib');
    const app = controlled(log, 'app');
    const failed = queue.add('lib', { after: [] }, lib.work);
    const restored = queue.add('app', { after: ['lib', 'never-added'] }, app.work);
    await turn();
    expect(log).toEqual(['begin lib']);
    lib.fail(new Error('gone'));
    await expect(failed).rejects.toThrow('gone');
    app.end();
    expect(await restored).toBe('app');
  });

  it('is idle when everything is settled, whatever the result', async () => {
    const queue = new RestoreQueue(1);
    queue.add('a', { after: [] }, () => Promise.reject(new Error('x'))).catch(() => undefined);
    void queue.add('b', { after: [] }, () => Promise.resolve());
    await queue.idle();
    expect(queue.pending).toBe(0);
  });

  const BIG = 200_000_000;

  it('restores small outputs while big ones take their time, and the big ones next to them', async () => {
    const queue = new RestoreQueue(4);
    const add = (name: string, bytes?: number) => {
      const job = controlled(log, name);
      void queue.add(name, { after: [], bytes }, job.work);
      return job;
    };
    const big = ['A', 'B', 'C'].map((name) => add(name, BIG));
    const small = ['a', 'b', 'c'].map((name) => add(name, 1000));
    await turn();
    expect(log).toEqual(['begin A', 'begin B', 'begin a', 'begin b']);
    big[0]!.end();
    await turn();
    expect(log.slice(4)).toEqual(['end A', 'begin c']);
    small[0]!.end();
    await turn();
    expect(log.slice(6)).toEqual(['end a', 'begin C']);
    [...big, ...small].forEach(({ end }) => end());
    await queue.idle();
    expect(queue.pending).toBe(0);
  });

  it('does not leave the big ones to the end of a run with many small ones', async () => {
    const queue = new RestoreQueue(2);
    const jobs = ['a', 'b', 'c', 'd'].map((name) => {
      const job = controlled(log, name);
      void queue.add(name, { after: [] }, job.work);
      return job;
    });
    const big = controlled(log, 'A');
    void queue.add('A', { after: [], bytes: BIG }, big.work);
    jobs[0]!.end();
    await turn();
    expect(log).toEqual(['begin a', 'begin b', 'end a', 'begin A']);
    [...jobs, big].forEach(({ end }) => end());
    await queue.idle();
    expect(log).toHaveLength(10);
  });

  it('restores outputs before those of a dependency, and tells of them after it', async () => {
    const queue = new RestoreQueue(2);
    const [lib, app] = [controlled(log, 'lib'), controlled(log, 'app')];
    const told: string[] = [];
    const tell = (name: string): void => void told.push(name);
    void queue.add('lib', { after: [], bytes: BIG }, lib.work).then(tell);
    void queue.add('app', { after: [], toldAfter: ['lib'] }, app.work).then(tell);
    await turn();
    app.end();
    await turn();
    expect([log, told]).toEqual([['begin lib', 'begin app', 'end app'], []]);
    lib.end();
    await queue.idle();
    expect(told).toEqual(['lib', 'app']);
  });

  it('gives the place to others while the disk is not free for one', async () => {
    const queue = new RestoreQueue(1);
    let free = (): void => undefined;
    const whenFree = (): Promise<void> => new Promise((resolve) => (free = resolve));
    const [held, other] = [controlled(log, 'held'), controlled(log, 'other')];
    [held, other].forEach(({ end }) => end());
    void queue.add('held', { after: [], whenFree }, held.work);
    await queue.add('other', { after: [] }, other.work);
    expect(log).toEqual(['begin other', 'end other']);
    free();
    await queue.idle();
    expect(log.slice(2)).toEqual(['begin held', 'end held']);
  });
});
