import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { runIdSchema, taskIdSchema } from '@org/dte-protocol';
import { z } from 'zod';

const madeSchema = z.strictObject({
  taskId: taskIdSchema,
  outputs: z.array(z.string()),
  hash: z.string().nullable(),
  /** Digest of the snapshot of the outputs when the command ended. */
  digest: z.string(),
  atMs: z.number(),
  /** The run whose outputs were not restored (`restoreOutputs`); null: all of them were restored here. */
  absentIn: runIdSchema.nullable(),
  /** The session has also made them from other inputs: an agent may have those outputs. */
  hasVaried: z.boolean(),
});

/** The state of a task's outputs at the end of a command of this job. */
export type Made = z.infer<typeof madeSchema>;

const recordSchema = z.strictObject({ version: z.literal(1), made: z.array(madeSchema) });

/** Tasks with the same outputs overwrite each other: the last one applies. */
export const outputsKey = (outputs: readonly string[]): string => JSON.stringify([...outputs].sort());

/** Path of a session's record. */
export const recordPath = (dataDir: string, sessionId: string): string =>
  join(dataDir, 'main-disk', `${sessionId}.json`);

/** By `outputsKey`. Empty if there is no record, or one of another version. */
export async function readRecord(path: string): Promise<Map<string, Made>> {
  try {
    const { made } = recordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    return new Map(made.map((each) => [outputsKey(each.outputs), each]));
  } catch {
    return new Map();
  }
}

/**
 * Adds to the record. Another command of this job may have written to it since, so it is read again.
 * @throws what the file system throws
 */
export async function addToRecord(path: string, made: readonly Made[]): Promise<void> {
  const all = await readRecord(path);
  for (const each of made) all.set(outputsKey(each.outputs), each);
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.${randomUUID()}.part`;
  await writeFile(part, JSON.stringify({ version: 1, made: [...all.values()] }));
  await rename(part, path);
}
