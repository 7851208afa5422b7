import { taskIdSchema } from '@org/dte-protocol';
import { z } from 'zod';
import type { Evidence } from './history';

const evidenceSchema = z.strictObject({
  taskId: taskIdSchema,
  hash: z.string().min(1).max(1024),
  status: z.enum(['success', 'failure']),
  atMs: z.number(),
});

export const evidenceLines = (evidence: readonly Evidence[]): string =>
  evidence.map((each) => `${JSON.stringify(each)}\n`).join('');

/** Evidence, one line each. The file may come from a CI cache: damaged lines are skipped. */
export function parseEvidence(text: string): { lines: Evidence[]; damaged: number } {
  const all = text.split('\n').filter((line) => line !== '');
  const lines = all.flatMap((line) => parseLine(line) ?? []);
  return { lines, damaged: all.length - lines.length };
}

function parseLine(line: string): Evidence | null {
  try {
    return evidenceSchema.parse(JSON.parse(line));
  } catch {
    return null;
  }
}
