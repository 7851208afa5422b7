/**
 * Nx's history refers to every task by its hash, and ends the command with an error if one has none. For some tasks,
 * the hash is never known here (it depends on outputs that are not on this disk): any name is fine for those.
 */
export const historyHash = (kind: 'server' | 'group' | 'task' | 'refused', taskId: string): string =>
  `${kind}-${taskId.replace(/[^A-Za-z0-9]+/g, '-')}`;
