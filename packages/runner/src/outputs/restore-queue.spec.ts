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
    const results = jobs.map(({ name, work }) => queue.add(name, [], work));
    await turn();
    expect(log).toEqual(['begin a', 'begin b']);
    jobs[0]!.end();
    await turn();
    expect(log).toEqual(['begin a', 'begin b', 'end a', 'begin c']);
    jobs.forEach(({ end }) => end());
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c']);
    expect(queue.pending).toBe(0);
  });

  it('restores a task after its dependencies, even if one of them failed', async () => {
    const queue = new RestoreQueue(8);
    const lib = controlled(log, 'lib');
    const app = controlled(log, 'app');
    const failed = queue.add('lib', [], lib.work);
    const restored = queue.add('app', ['lib', 'never-added'], app.work);
    await turn();
    expect(log).toEqual(['begin lib']);
    lib.fail(new Error('gone'));
    await expect(failed).rejects.toThrow('gone');
    app.end();
    expect(await restored).toBe('app');
  });

  it('is idle when everything is settled, whatever the result', async () => {
    const queue = new RestoreQueue(1);
    queue.add('a', [], () => Promise.reject(new Error('x'))).catch(() => undefined);
    void queue.add('b', [], () => Promise.resolve());
    await queue.idle();
    expect(queue.pending).toBe(0);
  });
});
