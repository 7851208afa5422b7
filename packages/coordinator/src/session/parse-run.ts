import { decode, LIMITS, type RunSpec, runSpecSchema, type TaskSpec } from '@org/dte-protocol';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Cut, cutTasks } from './cut-tasks';
import type { Breathe } from './snapshot';

const NOTHING: TaskSpec['nxTask']['overrides'] = Object.freeze({});
const NO_OUTPUTS = Object.freeze([]) as unknown as string[];

/**
 * The spec of a run from its JSON, checked like any message, some hundred tasks in each turn of the event loop: all at once, 100,000
 * tasks take more than a second, in which no agent gets an answer, and the text, what it is parsed into and the checked copy are in
 * memory together. Only what the coordinator itself needs is kept of what Nx says of a task: agents get the bytes as they came.
 * @throws DteError DTE_FRAME_TOO_LARGE, DTE_MALFORMED_MESSAGE
 */
export async function parseRun(
  raw: Buffer,
  maxBytes: number,
  breathe: Breathe = nextTurn,
  partBytes?: number,
): Promise<RunSpec> {
  const cut = raw.length > maxBytes ? null : cutTasks(raw, partBytes);
  // Whatever is wrong with it is told in the words for the whole: nobody waits for a run that is refused.
  return (
    (cut === null ? null : await inParts(cut, breathe)) ??
    briefly(decode(runSpecSchema, raw.toString('utf8'), maxBytes))
  );
}

async function inParts({ rest, parts }: Cut, breathe: Breathe): Promise<RunSpec | null> {
  const head = checked(runSpecSchema, rest);
  if (head === null || head.tasks.length > 0) return null;
  const tasks: TaskSpec[] = [];
  for (const part of parts) {
    const some = part === null ? null : checked(runSpecSchema.shape.tasks, part);
    if (some === null || tasks.length + some.length > LIMITS.runTasks.value) return null;
    for (const task of some) tasks.push(brief(task));
    await breathe();
  }
  return { ...head, tasks };
}

function checked<T>(
  schema: { safeParse(value: unknown): { success: true; data: T } | { success: false } },
  json: string,
): T | null {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return null;
  }
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : null;
}

const briefly = (spec: RunSpec): RunSpec => ({ ...spec, tasks: spec.tasks.map(brief) });

const brief = (task: TaskSpec): TaskSpec => ({
  ...task,
  nxTask: {
    id: task.nxTask.id,
    target: task.nxTask.target,
    overrides: NOTHING,
    outputs: NO_OUTPUTS,
  },
  dependencies: task.dependencies.map(({ id }) => ({ id })),
  continuousDependencies: task.continuousDependencies.map(({ id }) => ({ id })),
});
