import type { ChildProcess } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { HOLDING, whenHolding } from './hold';

describe('a session is held', () => {
  const after = (tell: (child: EventEmitter) => void, coordinatorStartMs = 60_000): Promise<boolean> => {
    const child = new EventEmitter();
    const answer = whenHolding(child as unknown as ChildProcess, { coordinatorStartMs });
    tell(child);
    return answer;
  };

  it('once the process that holds it confirms that', async () => {
    expect(await after((child) => child.emit('message', HOLDING))).toBe(true);
  });

  it.each<[string, (child: EventEmitter) => void]>([
    ['was rejected and has exited', (child) => child.emit('exit', 1)],
    ['could not be started', (child) => child.emit('error', new Error('no memory'))],
    ['sends something else', (child) => child.emit('message', 'hello')],
  ])('not when that process %s', async (_, tell) => {
    expect(await after(tell)).toBe(false);
  });

  it('not when that process is too slow', async () => {
    expect(await after(() => undefined, 1)).toBe(false);
  });
});
