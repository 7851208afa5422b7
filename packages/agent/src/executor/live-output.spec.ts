import { type FromExecutor } from './ipc';
import { LiveOutput } from './live-output';

const ref = { runId: 'r', taskId: 't', attempt: 1 };
const never = (): void => {
  throw new Error('what a task prints is never urgent');
};
type Output = Extract<FromExecutor, { type: 'output' }>;

function recorder(take: boolean) {
  const said: Output[] = [];
  const channel = {
    send: never,
    sendSoon: (message: FromExecutor, done?: () => void) => {
      if (message.type === 'output') said.push(message);
      if (take) done?.();
    },
  };
  return { said, channel, live: new LiveOutput({ channel, ref, maxInFlight: 210_000, isFollowed: false }) };
}

it('sends small pieces together and large ones in bounded chunks with contiguous offsets', () => {
  const { said, live } = recorder(true);
  live.push('a');
  live.push('b');
  live.push('x'.repeat(150_000));
  live.end();
  expect(said.map(({ offset }) => offset)).toEqual([0, 65_536, 131_072]);
  expect(said.map(({ data }) => data).join('')).toBe(`ab${'x'.repeat(150_000)}`);
});

it('never splits a character', () => {
  const { said, live } = recorder(true);
  live.push(`x${'😀'.repeat(40_000)}`);
  live.end();
  expect(said.every(({ data }) => !/^[\udc00-\udfff]/.test(data))).toBe(true);
  expect(
    said.reduce((offset, each) => (expect(each.offset).toBe(offset), offset + each.data.length), 0),
  ).toBe(80_001);
});

it('drops what does not fit while the supervisor reads nothing, and the offsets show the gap', () => {
  const { said, live } = recorder(false);
  live.push('x'.repeat(400_000));
  live.end();
  expect(said.map(({ offset }) => offset)).toEqual([0, 65_536, 131_072, 393_216]);
});

it('marks the last piece for a main job that shows live output', () => {
  const { channel, said } = recorder(true);
  const follow = () => new LiveOutput({ channel, ref, maxInFlight: 100_000, isFollowed: true });
  const together = follow();
  together.push('abc');
  together.end();
  const earlier = follow();
  earlier.push('x'.repeat(65_536));
  earlier.end();
  follow().end();
  expect(said.map(({ offset, data, last }) => [offset, data.length, last])).toEqual([
    [0, 3, true],
    [0, 65_536, undefined],
    [65_536, 0, true],
  ]);
});
