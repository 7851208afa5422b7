import { type SessionModel, sessionModelSchema } from '@org/dte-report';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import { writeFileAtomically } from '../files/atomic-write';
import { type FileSystem, isNotFound } from '../files/file-system';
import type { Positions } from './translation';

const FILE = 'report.jsonl';

/** Tasks that are written in one turn of the event loop: 1,000 take about 5 ms. No limit: smaller parts only take longer. */
const PART_TASKS = 1_000;

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
const partSchema = z.strictObject({ run: z.int().min(0), tasks: z.array(z.unknown()) });

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
    return parse(text);
  } catch {
    // Another version of this package has written it. What the journal tells is still there.
    return null;
  }
}

function parse(text: string): StoredReport {
  const [first = '', ...rest] = text.split('\n').filter((line) => line !== '');
  const { seq, bytes, positions, model: bare } = headSchema.parse(JSON.parse(first));
  const tasks = new Map<number, unknown[]>();
  for (const line of rest) {
    const part = partSchema.parse(JSON.parse(line));
    tasks.set(part.run, [...(tasks.get(part.run) ?? []), ...part.tasks]);
  }
  const { runs, ...model } = z.looseObject({ runs: z.array(z.looseObject({})) }).parse(bare);
  const whole = { ...model, runs: runs.map((run, at) => ({ ...run, tasks: tasks.get(at) ?? [] })) };
  return { seq, bytes, positions, model: sessionModelSchema.parse(whole) };
}
