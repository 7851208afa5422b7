import { type ClosureEntry } from '@org/dte-protocol';
import { type RestorePlan, restoreAll } from './restore-all';

const entry = (taskId: string): ClosureEntry => ({
  taskId,
  hash: taskId,
  artifact: { kind: 'cache', hash: taskId },
});
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const plan = (change: Partial<RestorePlan>): RestorePlan => ({
  restore: [],
  awaiting: [],
  concurrency: 2,
  overlapping: () => [],
  restoreOne: () => Promise.resolve(),
  elsewhere: () => Promise.resolve(true),
  ...change,
});

it('starts no restore after one has failed, and ends when the running ones have ended', async () => {
  const begun: string[] = [];
  let finish = (): void => undefined;
  let isOver = false;
  const restoring = restoreAll(
    plan({
      restore: ['bad', 'slow', 'never', 'behind'].map(entry),
      overlapping: (id) => (id === 'behind' ? ['slow'] : []),
      restoreOne: ({ taskId }) => {
        begun.push(taskId);
        return taskId === 'bad'
          ? Promise.reject(new Error('gone'))
          : new Promise((resolve) => (finish = resolve));
      },
    }),
  ).catch((thrown: unknown) => {
    isOver = true;
    return thrown;
  });
  await settled();
  expect([begun, isOver]).toEqual([['bad', 'slow'], false]);
  finish();
  expect(await restoring).toMatchObject({ message: 'gone' });
  expect(begun).toEqual(['bad', 'slow']);
});

it('does not start a restore that waits for a failed one of the same outputs', async () => {
  const begun: string[] = [];
  let finish = (): void => undefined;
  const restoring = restoreAll(
    plan({
      restore: ['slow', 'inside', 'bad'].map(entry),
      concurrency: 3,
      overlapping: (id) => (id === 'inside' ? ['slow'] : []),
      restoreOne: ({ taskId }) => {
        begun.push(taskId);
        return taskId === 'bad'
          ? Promise.reject(new Error('gone'))
          : new Promise((resolve) => (finish = resolve));
      },
    }),
  ).catch((thrown: unknown) => thrown);
  await settled();
  finish();
  expect(await restoring).toMatchObject({ message: 'gone' });
  await settled();
  expect(begun.sort()).toEqual(['bad', 'slow']);
});
