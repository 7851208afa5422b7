import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { whenReady } from './start';

/** A starting process. */
class StartingProcess extends EventEmitter {
  readonly kill = jest.fn();
}

function start() {
  const child = new StartingProcess();
  const slow: number[] = [];
  const patience = { timeoutMs: 120_000, noteMs: 10_000, onSlow: (ms: number) => void slow.push(ms) };
  const ready = whenReady(child as unknown as ChildProcess, patience, '/no/such.log');
  return { child, slow, ready };
}

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

describe('a coordinator that starts slowly', () => {
  it('is awaited while its process runs, with a line from time to time', async () => {
    const { child, slow, ready } = start();
    await jest.advanceTimersByTimeAsync(35_000);
    expect(slow).toEqual([10_000, 20_000, 30_000]);
    child.emit('message', { type: 'dte-ready', url: 'http://h:1' });
    expect(await ready).toBe('http://h:1');
    expect(child.kill).not.toHaveBeenCalled();
    expect(child.eventNames()).toEqual([]);
  });

  it('is stopped after its own limit, with a timeout error', async () => {
    const { child, ready } = start();
    const outcome = expect(ready).rejects.toMatchObject({
      code: 'DTE_COORDINATOR_SLOW',
      message: expect.stringContaining('120 s (DTE_COORDINATOR_START_MS)') as string,
      cure: expect.stringContaining('the rendezvous is not the reason') as string,
    });
    await jest.advanceTimersByTimeAsync(120_000);
    await outcome;
    expect(child.kill).toHaveBeenCalledWith('SIGKILL');
  });

  it('is not awaited once its process has exited', async () => {
    const { child, ready } = start();
    const outcome = expect(ready).rejects.toMatchObject({ code: 'DTE_NO_COORDINATOR' });
    await jest.advanceTimersByTimeAsync(15_000);
    child.emit('exit', 1);
    await outcome;
  });
});
