import type { ArtifactReader } from './types';
import { CheckedRemoteCache } from './checked-remote';

const task = (id: string, hash: string, outputs: string[]) => ({ id, hash, outputs });

function setUp() {
  const asked: string[] = [];
  const reader: ArtifactReader = {
    retrieve: ({ taskId, hash, outputs, ownOnly }) => {
      asked.push(`${hash} for ${taskId} (${outputs.join()})${ownOnly ? ', own only' : ''}`);
      return Promise.resolve(null);
    },
  };
  const inner = { retrieve: jest.fn(), store: jest.fn() };
  const takesShared = (id: string): boolean => id !== 'private';
  return { cache: new CheckedRemoteCache({ inner, reader, writer: undefined, takesShared }), asked };
}

it('reads an artifact for the task that asks for it, at the same time as others', async () => {
  const { cache, asked } = setUp();
  const ask = (one: ReturnType<typeof task>) =>
    cache.asking([one], async () => {
      await new Promise(setImmediate);
      return cache.retrieve(one.hash, '/cache');
    });
  await Promise.all([ask(task('a', '1', ['dist/a'])), ask(task('private', '2', ['dist/b']))]);
  expect(asked).toEqual(['1 for a (dist/a)', '2 for private (dist/b), own only']);
  await expect(cache.retrieve('1', '/cache')).rejects.toThrow('no task with the hash 1');
});

it('knows the task in a query inside another, and until the outer one is over', async () => {
  const { cache, asked } = setUp();
  const one = task('a', '1', ['dist/a']);
  await cache.asking([one, task('b', '2', [])], async () => {
    await cache.asking([one], () => cache.retrieve('1', '/cache'));
    await cache.retrieve('1', '/cache');
  });
  expect(asked).toEqual(['1 for a (dist/a)', '1 for a (dist/a)']);
});

it('never takes one of two tasks with the same hash for the other, also after an error', async () => {
  const { cache, asked } = setUp();
  let fail = (): void => undefined;
  const first = cache.asking([task('a', '1', ['dist/a'])], async () => {
    await new Promise<void>((_, reject) => (fail = () => reject(new Error('lost'))));
  });
  const second = cache.asking([task('b', '1', ['dist/b'])], () => cache.retrieve('1', '/cache'));
  const third = cache.asking([task('c', '1', ['dist/c'])], () => cache.retrieve('1', '/cache'));
  await new Promise(setImmediate);
  expect(asked).toEqual([]);
  fail();
  await expect(first).rejects.toThrow('lost');
  await Promise.all([second, third]);
  expect(asked).toEqual(['1 for b (dist/b)', '1 for c (dist/c)']);
});
