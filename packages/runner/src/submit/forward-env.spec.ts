import type { ConnectionState } from '@org/dte-client';
import { DteError, type ForwardedEnv } from '@org/dte-protocol';
import { forwardEnv } from './forward-env';

const OPEN: ConnectionState = { name: 'open', url: '', httpUrl: '', token: '', heartbeatMs: 1, leaseMs: 1 };

function setUp(names: string[]) {
  const said: [string, ForwardedEnv][] = [];
  const troubles: string[] = [];
  const listeners = new Set<(state: ConnectionState) => void>();
  const answer = { error: null as DteError | null };
  const connection = {
    onState: (listener: (state: ConnectionState) => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const http = {
    putRunEnv: async (runId: string, env: ForwardedEnv) => {
      if (answer.error !== null) throw answer.error;
      said.push([runId, env]);
    },
  };
  const begin = () =>
    forwardEnv({
      connection,
      http,
      runId: 'r1',
      names,
      env: { TOKEN: 's3cret', OTHER: 'o' },
      onTrouble: ({ code }) => void troubles.push(code),
    });
  const enter = (state: ConnectionState) => listeners.forEach((listener) => listener(state));
  return { said, troubles, begin, enter, answer };
}

const VALUES = ['r1', { values: { TOKEN: 's3cret' } }];

it('sends the values, and sends them again to a coordinator that may have been restarted', async () => {
  const { said, begin, enter } = setUp(['TOKEN', 'NOT_SET']);
  const stop = await begin();
  expect(said).toEqual([VALUES]);
  enter({ name: 'connecting', lastError: null, unreached: null });
  enter(OPEN);
  expect(said).toEqual([VALUES, VALUES]);
  stop();
  enter(OPEN);
  expect(said).toHaveLength(2);
});

it('sends nothing if nothing is forwarded', async () => {
  const { said, begin, enter } = setUp([]);
  await begin();
  enter(OPEN);
  expect(said).toEqual([]);
});

it('fails if it cannot send them the first time, and later prints a warning', async () => {
  const { begin, enter, troubles, answer } = setUp(['TOKEN']);
  await begin();
  answer.error = new DteError('DTE_NO_COORDINATOR', 'gone');
  enter(OPEN);
  await Promise.resolve();
  await Promise.resolve();
  expect(troubles).toEqual(['DTE_NO_COORDINATOR']);
  await expect(begin()).rejects.toMatchObject({ code: 'DTE_NO_COORDINATOR' });
});
