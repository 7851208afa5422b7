import { type SessionModel, sessionModelSchema, taskModelSchema } from '@org/dte-report';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { z } from 'zod';
import { writeFileAtomically } from '../files/atomic-write';
import { type FileSystem, isNotFound } from '../files/file-system';
import { PART_TASKS } from './report-json';
import type { Positions } from './translation';

const FILE = 'report.jsonl';
/** `\n` ends each line. */
const NEWLINE = 0x0a;

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
  // Part by part: of 100,000 tasks it is 35 MB, which would stay in memory until the next large garbage collection.
  await writeFileAtomically(fs, folder, FILE, textOf(report));
}

async function* textOf(report: StoredReport): AsyncGenerator<string, void, undefined> {
  for (const line of linesOf(report)) {
    yield `${line}\n`;
    await nextTurn();
  }
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

/** A stored report of which the tasks are still to be read. */
export interface OpenedReport extends StoredReport {
  /**
   * Adds the tasks to the runs of `model`, in many turns of the event loop. Call it once.
   * @throws what is damaged
   */
  fill(): Promise<void>;
}

/** Null if there is none, or none that this version can read. */
export async function loadReport(fs: FileSystem, folder: string): Promise<StoredReport | null> {
  const opened = await openReport(fs, folder);
  if (opened === null) return null;
  const { seq, bytes, positions, model } = opened;
  return opened.fill().then(
    () => ({ seq, bytes, positions, model }),
    () => null,
  );
}

/** The same with the tasks to come: of 100,000 they are 35 MB, and whoever restores a session has more important things to do first. */
export async function openReport(fs: FileSystem, folder: string): Promise<OpenedReport | null> {
  let file: Buffer;
  try {
    file = await fs.readFile(`${folder}/${FILE}`);
  } catch (thrown) {
    if (isNotFound(thrown)) return null;
    throw thrown;
  }
  try {
    const lines = linesIn(file);
    const { seq, bytes, positions, model: bare } = headSchema.parse(JSON.parse(lines.next().value ?? ''));
    const model = sessionModelSchema.parse(bare);
    const take = (line: string): void => {
      const { run, tasks } = partSchema.parse(JSON.parse(line));
      model.runs[run]?.tasks.push(...tasks);
    };
    // The first part shows whether this version can read the tasks.
    const first = lines.next().value;
    if (first !== undefined) take(first);
    const fill = async (): Promise<void> => {
      for (const line of lines) {
        await nextTurn();
        take(line);
      }
    };
    return { seq, bytes, positions, model, fill };
  } catch {
    // Another version of this package has written it. What the journal tells is still there.
    return null;
  }
}

function* linesIn(file: Buffer): Generator<string, undefined, undefined> {
  let start = 0;
  for (let at = file.indexOf(NEWLINE); at !== -1; at = file.indexOf(NEWLINE, start)) {
    yield file.toString('utf8', start, at);
    start = at + 1;
  }
  return undefined;
}
