import { type SessionModel, sessionModelSchema, taskModelSchema } from '@org/dte-report';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import { writeFileAtomically } from '../files/atomic-write';
import { type FileSystem, isNotFound } from '../files/file-system';
import { PART_TASKS } from './report-json';
import type { Positions } from './translation';

const FILE = 'report.jsonl';

/** A report as it is kept with its session. */
export interface StoredReport {
  /** Number of the latest event in it. */
  readonly seq: number;
  /** Bytes of the events that it was made of. */
  readonly bytes: number;
  readonly positions: Positions;
  readonly model: SessionModel;
}

const headSchema = z.strictObject({
  version: z.literal(1),
  seq: z.int().min(0),
  bytes: z.int().min(0),
  positions: z.record(z.string(), z.int().min(0)),
  /** Without the tasks of its runs, which are in the lines that follow. */
  model: z.unknown(),
});
const partSchema = z.strictObject({ run: z.int().min(0), tasks: z.array(taskModelSchema) });

function* linesOf({ seq, bytes, positions, model }: StoredReport): Generator<string, void, undefined> {
  const runs = model.runs.map((run) => ({ ...run, tasks: [] }));
  yield JSON.stringify({ version: 1, seq, bytes, positions, model: { ...model, runs } });
  for (const [run, { tasks }] of model.runs.entries())
    for (let at = 0; at < tasks.length; at += PART_TASKS)
      yield JSON.stringify({ run, tasks: tasks.slice(at, at + PART_TASKS) });
}

/**
 * Replaces the stored report. The report must not change until it resolves.
 * @throws what the disk throws
 */
export async function saveReport(fs: FileSystem, folder: string, report: StoredReport): Promise<void> {
  const lines: Buffer[] = [];
  for (const line of linesOf(report)) {
    lines.push(Buffer.from(`${line}\n`));
    await nextTurn();
  }
  await writeFileAtomically(fs, folder, FILE, Buffer.concat(lines));
}

/** Changes whenever another report is stored; null if there is none. */
export async function reportVersion(fs: FileSystem, folder: string): Promise<number | null> {
  try {
    return (await fs.stat(`${folder}/${FILE}`)).mtimeMs;
  } catch (thrown) {
    if (isNotFound(thrown)) return null;
    throw thrown;
  }
}

/** Null if there is none, or none that this version can read. */
export async function loadReport(fs: FileSystem, folder: string): Promise<StoredReport | null> {
  let text: string;
  try {
    text = (await fs.readFile(`${folder}/${FILE}`)).toString('utf8');
  } catch (thrown) {
    if (isNotFound(thrown)) return null;
    throw thrown;
  }
  try {
    return await parse(text);
  } catch {
    // Another version of this package has written it. What the journal tells is still there.
    return null;
  }
}

/** In many turns of the event loop, like writing. */
async function parse(text: string): Promise<StoredReport> {
  const [first = '', ...rest] = text.split('\n').filter((line) => line !== '');
  const { seq, bytes, positions, model: bare } = headSchema.parse(JSON.parse(first));
  const model = sessionModelSchema.parse(bare);
  for (const line of rest) {
    const { run, tasks } = partSchema.parse(JSON.parse(line));
    model.runs[run]?.tasks.push(...tasks);
    await nextTurn();
  }
  return { seq, bytes, positions, model };
}
