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

  it('once the process that holds it says so', async () => {
    expect(await after((child) => child.emit('message', HOLDING))).toBe(true);
  });

  it.each<[string, (child: EventEmitter) => void]>([
    ['was refused and has ended', (child) => child.emit('exit', 1)],
    ['could not be started', (child) => child.emit('error', new Error('no memory'))],
    ['says something else', (child) => child.emit('message', 'hello')],
  ])('by nobody when that process %s', async (_, tell) => {
    expect(await after(tell)).toBe(false);
  });

  it('by nobody when that process is too slow', async () => {
    expect(await after(() => undefined, 1)).toBe(false);
  });
});
