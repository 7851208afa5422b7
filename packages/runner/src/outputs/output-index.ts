import { artifactSchema, runIdSchema, sessionIdSchema, taskIdSchema } from '@org/dte-protocol';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

/** What is needed to fetch the outputs of one task later, without its graph. */
const absentTaskSchema = z.strictObject({
  id: taskIdSchema,
  target: z.strictObject({
    project: z.string().min(1),
    target: z.string().min(1),
    configuration: z.string().optional(),
  }),
  outputs: z.array(z.string()),
  hash: z.string().nullable(),
  artifact: artifactSchema,
  bytes: z.int().min(0).nullable(),
});
export type AbsentTask = z.infer<typeof absentTaskSchema>;

const outputIndexSchema = z.strictObject({
  version: z.literal(1),
  sessionId: sessionIdSchema,
  runId: runIdSchema,
  command: z.string(),
  atMs: z.number(),
  tasks: z.array(absentTaskSchema),
});

/** Outputs that one command has not downloaded. */
export type OutputIndex = z.infer<typeof outputIndexSchema>;

/** Commands whose outputs can still be fetched. Not configurable: a main job has a handful. */
const KEPT = 50;

const folderOf = (dataDir: string): string => join(dataDir, 'outputs');

/**
 * Records what a command has not downloaded. The oldest records are evicted.
 * @throws what the file system throws
 */
export async function writeOutputIndex(dataDir: string, index: OutputIndex): Promise<void> {
  const folder = folderOf(dataDir);
  await mkdir(folder, { recursive: true });
  const path = join(folder, `${index.runId}.json`);
  await writeFile(`${path}.part`, JSON.stringify(index));
  await rename(`${path}.part`, path);
  const old = (await readOutputIndexes(dataDir)).slice(KEPT);
  await Promise.all(old.map(({ runId }) => rm(join(folder, `${runId}.json`), { force: true })));
}

/** All records, the newest first. Files of another version are skipped. */
export async function readOutputIndexes(dataDir: string): Promise<OutputIndex[]> {
  const folder = folderOf(dataDir);
  const names = await readdir(folder).catch(() => []);
  const indexes = await Promise.all(
    names.filter((name) => name.endsWith('.json')).map((name) => readOne(join(folder, name))),
  );
  return indexes.filter((index) => index !== null).sort((a, b) => b.atMs - a.atMs);
}

async function readOne(path: string): Promise<OutputIndex | null> {
  try {
    return outputIndexSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return null;
  }
}
