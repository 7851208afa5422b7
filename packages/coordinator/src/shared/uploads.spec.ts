import { LIMITS } from '@org/dte-protocol';
import { type Upload, Uploads } from './uploads';

const upload: Upload = {
  bytes: 1,
  sha256: 'a'.repeat(64),
  agentId: 'a1',
  agentName: 'nx-agent 1',
  grant: null,
  attempts: [
    { runId: 'r1', attempt: 1 },
    { runId: 'r2', attempt: 3 },
  ],
};

let uploads: Uploads;
beforeEach(() => (uploads = new Uploads()));
const take = (runId: string, attempt: number, agentId = 'a1') =>
  uploads.take('cache', 'h', { runId, attempt, agentId });

it('an upload belongs to each attempt that its agent made then, and is taken once', () => {
  uploads.note('cache', 'h', upload);
  expect(uploads.take('terminal', 'h', { runId: 'r1', attempt: 1, agentId: 'a1' })).toBeNull();
  expect([take('r1', 2), take('r2', 1), take('r1', 1, 'a2')]).toEqual([null, null, null]);
  expect(take('r2', 3)).toBe(upload);
  expect(take('r2', 3)).toBeNull();
  expect(take('r1', 1)).toBeNull();
});

it('what somebody else has stored after it is not its own', () => {
  uploads.note('cache', 'h', upload);
  uploads.note('cache', 'h', null);
  expect(take('r1', 1)).toBeNull();
});

it('as many are known as the limit says, the newest', () => {
  const { value: limit } = LIMITS.cacheNotedUploads;
  uploads.note('cache', 'h', upload);
  for (let index = 1; index < limit; index++) uploads.note('terminal', String(index), upload);
  uploads.note('cache', 'h', upload);
  uploads.note('terminal', 'one more', upload);
  expect(uploads.take('terminal', '1', { runId: 'r1', attempt: 1, agentId: 'a1' })).toBeNull();
  expect(uploads.take('terminal', '2', { runId: 'r1', attempt: 1, agentId: 'a1' })).toBe(upload);
  expect(take('r1', 1)).toBe(upload);
});
