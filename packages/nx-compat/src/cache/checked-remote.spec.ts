import { CheckedRemoteCache } from './checked-remote';
import type { ArtifactRequest } from './types';

const task = (id: string) => ({ id, hash: '1', outputs: [`dist/${id}`] }) as never;

function given() {
  const read: Pick<ArtifactRequest, 'taskId' | 'outputs'>[] = [];
  const cache = new CheckedRemoteCache({
    inner: {} as never,
    writer: undefined,
    takesShared: () => true,
    reader: {
      retrieve: ({ taskId, outputs }) => {
        read.push({ taskId, outputs });
        return Promise.resolve(null);
      },
    },
  });
  return { cache, read };
}

describe('the remote cache that knows for which task it is asked', () => {
  it('knows it also while others ask for the same hash, and after they have ended', async () => {
    const { cache, read } = given();
    let goOn = (): void => undefined;
    const gate = new Promise<void>((resolve) => (goOn = resolve));
    const first = cache.asking([task('a:build')], async () => {
      await gate;
      await cache.retrieve('1', 'cache');
    });
    await cache.asking([task('b:build')], () => cache.retrieve('1', 'cache'));
    goOn();
    await first;
    await cache.asking([task('c:build')], () => cache.retrieve('1', 'cache'));
    expect(read.map(({ taskId }) => taskId)).toEqual(['b:build', 'a:build', 'c:build']);
  });

  it('answers nobody who does not say for which task', async () => {
    const { cache, read } = given();
    await cache.asking([task('a:build')], () => Promise.reject(new Error('no'))).catch(() => undefined);
    await expect(cache.retrieve('1', 'cache')).rejects.toThrow('no task with the hash 1 is known');
    expect(read).toEqual([]);
  });
});
