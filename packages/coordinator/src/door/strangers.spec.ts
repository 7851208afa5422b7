import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { Strangers } from './strangers';

/** The part of a socket that the code uses. */
class FakeSocket extends EventEmitter {
  isCut = false;
  constructor(
    readonly remoteAddress: string | undefined,
    readonly remotePort: number | undefined,
  ) {
    super();
  }
  destroy(): void {
    this.isCut = true;
    this.emit('close');
  }
}

describe('strangers', () => {
  const evicted: string[] = [];
  let port = 0;
  const door = (limits: { all?: number; each?: number; ms?: number } = {}, room: number | null = null) =>
    new Strangers({
      limits: {
        strangersPerCoordinator: limits.all ?? 100,
        strangersPerAddress: limits.each ?? 100,
        strangerMs: limits.ms ?? 60_000,
      },
      room,
      onEvicted: (address) => evicted.push(address),
    });
  const opened: FakeSocket[] = [];
  const come = (to: Strangers, address: string): FakeSocket => {
    const socket = new FakeSocket(address, ++port);
    opened.push(socket);
    to.enter(socket as unknown as Socket);
    return socket;
  };

  afterEach(() => {
    for (const socket of opened.splice(0)) socket.emit('close');
    evicted.length = 0;
  });

  it('of one address: up to its limit all stay, above it the oldest is evicted', () => {
    const to = door({ each: 2 });
    const [first, second] = [come(to, 'a'), come(to, 'a')];
    expect(first.isCut || second.isCut).toBe(false);
    const third = come(to, 'a');
    expect([first, second, third].map(({ isCut }) => isCut)).toEqual([true, false, false]);
    expect(to.size).toBe(2);
    expect(evicted).toEqual(['a']);
  });

  it('in total: the address with the most loses its oldest, whichever connects', () => {
    const to = door({ all: 4 });
    const lone = come(to, 'a');
    const crowd = [come(to, 'b'), come(to, 'b'), come(to, 'b')];
    const next = come(to, 'c');
    expect(crowd.map(({ isCut }) => isCut)).toEqual([true, false, false]);
    expect(lone.isCut || next.isCut).toBe(false);
  });

  it('use at most a quarter of the file descriptors', () => {
    const to = door({}, 12);
    const all = Array.from({ length: 10 }, () => come(to, 'a'));
    expect(all.filter(({ isCut }) => !isCut)).toEqual(all.slice(-3));
    const last = door({}, 1);
    expect(come(last, 'a').isCut).toBe(false);
  });

  it('are removed after authentication, whichever socket object names them', () => {
    const to = door({ each: 1 });
    const agent = come(to, 'a');
    to.authenticated({ remoteAddress: agent.remoteAddress, remotePort: agent.remotePort });
    to.authenticated({ remoteAddress: undefined, remotePort: undefined });
    come(to, 'a');
    come(to, 'a');
    expect(agent.isCut).toBe(false);
    expect(to.size).toBe(1);
  });

  it('that reconnect from one port before their reset is known do not occupy a place forever', () => {
    const to = door({ each: 2 });
    const again = (): FakeSocket => {
      const socket = new FakeSocket('a', 7);
      opened.push(socket);
      to.enter(socket as unknown as Socket);
      return socket;
    };
    const [reset, next] = [again(), again()];
    reset.emit('close');
    expect([reset.isCut, next.isCut, to.size]).toEqual([true, false, 1]);
    const crowd = [come(to, 'a'), come(to, 'a'), come(to, 'a')];
    expect([next, ...crowd].map(({ isCut }) => isCut)).toEqual([true, true, false, false]);
    expect(to.size).toBe(2);
  });

  it('that disconnect leave nothing behind', () => {
    const to = door();
    come(to, 'a').emit('close');
    to.enter(new FakeSocket(undefined, undefined) as unknown as Socket);
    expect(to.size).toBe(0);
  });

  it('that are late are disconnected, but not if their data has arrived in the meantime', async () => {
    const to = door({ ms: 10 });
    const [late, agent] = [come(to, 'a'), come(to, 'a')];
    const gone = new Promise((resolve) => late.once('close', resolve));
    to.authenticated(agent);
    await gone;
    expect(agent.isCut).toBe(false);
    expect(to.size).toBe(0);
  });
});
