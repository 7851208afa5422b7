/** What a command notes of the outputs that it has left on agents: `dist` of each task, from a cache. */
export const outputIndex = (runId: string, atMs: number, ids: readonly string[]) => ({
  version: 1 as const,
  sessionId: 's',
  runId,
  command: 'nx build',
  atMs,
  tasks: ids.map((id) => ({
    id,
    target: { project: 'app', target: 'build' },
    outputs: ['dist'],
    hash: '1',
    bytes: null,
    artifact: { kind: 'cache' as const, hash: '1' },
  })),
});
