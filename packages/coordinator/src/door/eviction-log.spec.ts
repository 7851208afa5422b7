import { evictionLog } from './eviction-log';

it('logs one line a minute, whatever the number', () => {
  const lines: unknown[] = [];
  let nowMs = 0;
  const note = evictionLog({ warn: (fields: unknown) => void lines.push(fields) }, () => nowMs);
  for (let index = 0; index < 1_000; index++) note('192.0.2.1');
  nowMs = 60_000;
  note('192.0.2.2');
  note('192.0.2.2');
  expect(lines).toMatchObject([
    { address: '192.0.2.1', evicted: 1 },
    { address: '192.0.2.2', evicted: 1_000 },
  ]);
});
