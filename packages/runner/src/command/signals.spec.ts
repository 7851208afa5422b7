import { EventEmitter } from 'node:events';
import { cancelOnSignal, type SignalSource } from './signals';

class FakeProcess extends EventEmitter implements SignalSource {
  readonly codes: number[] = [];
  exit(code: number): void {
    this.codes.push(code);
  }
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('cancelOnSignal', () => {
  let source: FakeProcess;
  beforeEach(() => (source = new FakeProcess()));

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ])('cancels on %s and exits with code %d', async (signal, code) => {
    const cancel = jest.fn(() => Promise.resolve());
    cancelOnSignal(source, 1_000, cancel);
    source.emit(signal, signal);
    await turn();
    expect(cancel).toHaveBeenCalledTimes(1);
    expect(source.codes).toEqual([code]);
  });

  it('exits after the timeout when cancelling takes too long', async () => {
    jest.useFakeTimers();
    cancelOnSignal(source, 5_000, () => new Promise(() => undefined));
    source.emit('SIGTERM', 'SIGTERM');
    await jest.advanceTimersByTimeAsync(4_999);
    expect(source.codes).toEqual([]);
    await jest.advanceTimersByTimeAsync(1);
    expect(source.codes).toEqual([143]);
    jest.useRealTimers();
  });

  it('exits at once on a second signal', () => {
    cancelOnSignal(source, 1, () => new Promise(() => undefined));
    source.emit('SIGINT', 'SIGINT');
    source.emit('SIGINT', 'SIGINT');
    expect(source.codes).toEqual([130]);
  });

  it('leaves no listener behind when it is released', () => {
    cancelOnSignal(source, 1, () => Promise.resolve())();
    expect(source.eventNames()).toEqual([]);
  });
});
