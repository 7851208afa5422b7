import type { NxRemoteCache } from './nx-cache';
import { TruthfulRemoteCache } from './truthful-remote';

const remote = (
  store: NxRemoteCache['store'],
  retrieve: NxRemoteCache['retrieve'] = () => Promise.resolve(null),
) => new TruthfulRemoteCache({ store, retrieve }, [0, 1, 1], 50);

describe('TruthfulRemoteCache', () => {
  it('distinguishes stored from declined, and reports nothing for what was never stored', async () => {
    const cache = remote((hash) => Promise.resolve(hash === 'new'));
    await cache.store('new', '', '', 0);
    await cache.store('old', '', '', 0);
    expect(cache.takeOutcome('new')).toEqual({ kind: 'stored' });
    expect(cache.takeOutcome('new')).toEqual({ kind: 'none' });
    expect(cache.takeOutcome('old')).toEqual({ kind: 'declined' });
  });

  it('treats an upload as stored if the package returns nothing', async () => {
    const cache = remote(() => Promise.resolve(undefined));
    await cache.store('a', '', '', 0);
    expect(cache.takeOutcome('a')).toEqual({ kind: 'stored' });
  });

  it('retries, and keeps the last reason when every attempt fails', async () => {
    let attempts = 0;
    const cache = remote(() =>
      Promise.reject(new Error(`refused ${String(++attempts)}\n\nStack backtrace: ...`)),
    );
    await expect(cache.store('a', '', '', 0)).resolves.toBe(false);
    expect(cache.takeOutcome('a')).toEqual({ kind: 'failed', message: 'refused 3' });
  });

  it('tries once while the server is known to be unreachable, and retries again when it is back', async () => {
    let attempts = 0;
    let gone = true;
    const cache = remote(() => {
      attempts++;
      return gone ? Promise.reject(new Error('gone')) : Promise.resolve(true);
    });
    await cache.store('a', '', '', 0);
    await cache.store('b', '', '', 0);
    expect(attempts).toBe(4);
    gone = false;
    await cache.store('c', '', '', 0);
    gone = true;
    await cache.store('d', '', '', 0);
    expect(attempts).toBe(8);
  });

  it('turns a failed retrieve into a miss with a reason', async () => {
    const cache = remote(
      () => Promise.resolve(true),
      () => Promise.reject(new Error('no route')),
    );
    await expect(cache.retrieve('a', '')).resolves.toBeNull();
    expect(cache.takeFailure('a')).toMatchObject({ message: 'no route' });
    expect(cache.takeFailure('a')).toBeUndefined();
  });

  it('does not request a hash that is excluded', async () => {
    const cache = remote(
      () => Promise.resolve(true),
      () => Promise.reject(new Error('asked')),
    );
    cache.unasked.add('a');
    await expect(cache.retrieve('a', '')).resolves.toBeNull();
    expect(cache.takeFailure('a')).toBeUndefined();
  });

  it('times out if a server never answers', async () => {
    const cache = remote(() => new Promise(() => undefined));
    await cache.store('a', '', '', 0);
    expect(cache.takeOutcome('a')).toMatchObject({
      kind: 'failed',
      message: expect.stringContaining('50 ms') as string,
    });
  });
});
