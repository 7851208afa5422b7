import { decode } from './codec';
import { LIMITS } from './limits';
import { runSpecSchema } from './task';

/** A run whose only task has a value of so many levels among what only Nx reads. */
function runWith(levels: number, where: 'overrides' | 'edge'): string {
  const value = `${'['.repeat(levels)}${']'.repeat(levels)}`;
  const overrides = where === 'overrides' ? value : '1';
  const edges = where === 'edge' ? `[{"id":"b:build","inputs":${value}}]` : '[]';
  const nxTask = `{"id":"a:build","target":{"project":"a","target":"build"},"overrides":{"x":${overrides}},"outputs":[]}`;
  const task = `{"id":"a:build","nxTask":${nxTask},"hash":null,"cacheable":true,"parallelism":true,"dependencies":${edges},"continuousDependencies":[],"weight":1,"initial":{"state":"pending"}}`;
  return `{"runId":"r1","command":"nx build","requestedTargets":[],"parallel":1,"nxBail":false,"skipNxCache":false,"verbose":false,"streamOutput":false,"env":{},"tasks":[${task}]}`;
}

describe.each(['overrides', 'edge'] as const)('what only Nx reads (%s)', (where) => {
  it('is accepted with a few levels', () => {
    expect(decode(runSpecSchema, runWith(20, where)).tasks).toHaveLength(1);
  });

  it('is rejected when it is so deep that nobody could write it as JSON again', () => {
    expect(() => decode(runSpecSchema, runWith(20_000, where))).toThrow(
      `must not be nested deeper than ${LIMITS.nestingLevels.value} levels`,
    );
  });
});
