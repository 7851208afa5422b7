import { type ClosureEntry } from '@org/dte-protocol';
import { assignment } from '@org/dte-testing';
import { DiskState } from './disk-state';

const entry = (hash: string): ClosureEntry => ({
  taskId: 'lib:build',
  hash,
  artifact: { kind: 'cache', hash },
});
const restoredBy = (disk: DiskState, executorId: number, runId: string): void =>
  disk.restored(executorId, {
    type: 'restored',
    ref: { runId, taskId: 'x:test', attempt: 1 },
    taskId: 'lib:build',
    ok: true,
    outputs: ['dist/lib'],
    kept: [],
    seen: [],
  });

describe('the outputs of tasks on a disk', () => {
  it('are not those of another command any more when a task that was prepared before starts to write them', () => {
    const disk = new DiskState({ send: () => undefined });
    const prepared = assignment('lib:build', { runId: 'one' });
    const ofOther = (taskId: string) => assignment(taskId, { runId: 'two', closure: [entry('2')] });
    disk.begin(1, prepared);
    expect(disk.begin(2, ofOther('x:test')).restore).toEqual([entry('2')]);
    restoredBy(disk, 2, 'two');
    expect(disk.begin(3, ofOther('y:test')).restore).toEqual([]);

    disk.again(1, prepared);

    expect(disk.begin(4, ofOther('z:test')).restore).toEqual([entry('2')]);
  });

  it('are restored again for a prepared task if another one has replaced them since', () => {
    const disk = new DiskState({ send: () => undefined });
    const waiting = assignment('x:test', { closure: [entry('1')] });
    expect(disk.begin(1, waiting).restore).toEqual([entry('1')]);
    restoredBy(disk, 1, waiting.runId);
    expect(disk.again(1, waiting).restore).toEqual([]);
    disk.replaced(['dist']);
    expect(disk.again(1, waiting).restore).toEqual([entry('1')]);
  });
});
