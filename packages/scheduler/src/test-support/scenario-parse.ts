import {
  type AttemptResult,
  type BatchResult,
  type ErrorCode,
  type Placement,
  type RunSpec,
  type TaskSpec,
  type Work,
  onHashMismatchSchema,
} from '@org/dte-protocol';
import { runSpec, taskSpec, type TaskOptions } from '@org/dte-testing';

/** One command of a scenario. Its name, plain words, `key=value` options and flags are all words. */
export interface Command {
  name: string;
  words: string[];
  options: Record<string, string>;
  /** The text after a colon. */
  rest: string;
}

/** `name word key=value: rest` */
export function parseCommand(line: string): Command {
  const colon = /: |:$/.exec(line);
  const head = colon === null ? line : line.slice(0, colon.index);
  const rest = colon === null ? '' : line.slice(colon.index + 1).trim();
  const [name = '', ...all] = head.split(/\s+/);
  const options: Record<string, string> = {};
  for (const word of all) {
    const [key = '', value] = word.split('=', 2);
    if (value !== undefined) options[key] = value;
  }
  return { name, words: all.filter((word) => !word.includes('=')), options, rest };
}

/**
 * `submit r1 parallel=2 targets=a,b rules=big:4,medium;small:1 bail: x:build y:build(x:build)[alone rule=0]
 * x:serve[server] y:e2e(y:build >x:serve)`
 */
export function parseRun({ words: [runId = 'r1', ...flags], options, rest }: Command): RunSpec {
  return runSpec(runId, splitWords(rest).map(parseTask), {
    parallel: Number(options['parallel'] ?? 2),
    nxBail: flags.includes('bail'),
    requestedTargets: options['targets']?.split(',') ?? ['build'],
    ...(options['rules'] === undefined ? {} : { placements: options['rules'].split(';').map(parseRule) }),
    ...(options['wait'] === undefined ? {} : { placementWaitMs: Number(options['wait']) }),
    ...(options['mismatch'] === undefined
      ? {}
      : { onHashMismatch: onHashMismatchSchema.parse(options['mismatch']) }),
  });
}

/** `big:4,medium` */
const parseRule = (text: string, index: number): Placement => ({
  rule: `rule-${index}`,
  runOn: text.split(',').map((entry) => {
    const [label = '', parallelism] = entry.split(':');
    return { label, parallelism: parallelism === undefined ? null : Number(parallelism) };
  }),
});

/** Words separated by spaces outside brackets. */
const splitWords = (text: string): string[] => text.match(/(?:\([^)]*\)|\[[^\]]*\]|[^\s([])+/g) ?? [];

function parseTask(word: string): TaskSpec {
  const match = /^([^([]+)(?:\(([^)]*)\))?(?:\[([^\]]*)\])?$/.exec(word);
  if (match === null) throw new Error(`Not a task: ${word}`);
  const [, id = '', dependencies = '', marks = ''] = match;
  const options: TaskOptions = {};
  for (const mark of marks.split(' ').filter(Boolean)) {
    if (mark === 'alone') options.parallelism = false;
    else if (mark === 'noop' || mark === 'server') options.initial = { state: mark };
    else if (mark === 'done')
      options.initial = { state: 'done', artifact: { kind: 'cache', hash: `main-${id.replace(':', '-')}` } };
    else if (mark === 'nohash') options.hash = null;
    else if (mark === 'twice') options.secondStart = true;
    else if (mark === 'uncached') options.cacheable = false;
    else if (mark === 'watch') options.flakiness = mark;
    else if (mark === 'flaky') options.flakiness = 'retry';
    else if (mark.startsWith('retries=')) options.retries = Number(mark.slice('retries='.length));
    else if (mark.startsWith('rule=')) options.placement = Number(mark.slice('rule='.length));
    else if (mark.startsWith('batch=')) options.batch = mark.slice('batch='.length);
    else if (mark.startsWith('weight=')) options.weight = Number(mark.slice('weight='.length));
    else throw new Error(`Not a mark: ${mark}`);
  }
  const edges = dependencies.split(' ').filter(Boolean);
  const isServer = (edge: string) => edge.startsWith('>');
  options.continuousDependencies = edges.filter(isServer).map((edge) => ({ id: edge.slice(1) }));
  return taskSpec(
    id,
    edges.filter((edge) => !isServer(edge)),
    options,
  );
}

/**
 * `preparing r1/x:build#1, success r1/y:build#2, returned r1/z:build#1 DTE_DISK_FULL`, or `idle`; ` died=x:serve` at the
 * end; `batch r1/a:build#1 a:build=success+b:build=failure+c:build=skipped`.
 */
export const parseWork = (text: string, nowMs: number): Work[] =>
  text === 'idle' || text === '' ? [] : text.split(', ').map((part) => parseOne(part, nowMs));

function parseOne(part: string, nowMs: number): Work {
  const match = /^(\w+) ([^/]+)\/(.+)#(\d+)(?: (?!died=)(\S+))?(?: died=(\S+))?$/.exec(part);
  if (match === null) throw new Error(`Not a work: ${part}`);
  const [, phase = '', runId = '', taskId = '', attempt = '', code, died] = match;
  const work = { runId, taskId, attempt: Number(attempt) };
  if (phase === 'preparing') return { ...work, phase: { name: phase } };
  if (phase === 'executing') return { ...work, phase: { name: phase, startMs: nowMs } };
  const result = parseResult(phase, work, nowMs, code);
  const servers =
    died === undefined
      ? {}
      : { servers: [{ taskId: died, failed: true, ended: 'Exit code 1.', output: '' }] };
  return { ...work, phase: { name: 'completed', result: { ...result, ...servers } } };
}

const parseMembers = (text: string, attempt: number, nowMs: number): BatchResult['members'] =>
  text.split('+').map((part) => {
    const [taskId = '', said = ''] = part.split('=');
    const [kind = '', code] = said.split('/');
    const result = kind === 'skipped' ? null : parseResult(kind, { taskId, attempt }, nowMs, code);
    return { taskId, result: result?.kind === 'finished' ? result : null };
  });

function parseResult(
  kind: string,
  { taskId, attempt }: { taskId: string; attempt: number },
  nowMs: number,
  code: string | undefined,
): AttemptResult {
  if (kind === 'batch') return { kind, members: parseMembers(code ?? '', attempt, nowMs), log: 'printed' };
  const reason = code === undefined ? null : { code: code as ErrorCode, message: `because of ${code}` };
  if (kind === 'returned') {
    return { kind, reason: reason ?? { code: 'DTE_EXECUTOR_CRASHED', message: 'It crashed.' } };
  }
  if (kind !== 'success' && kind !== 'failure' && kind !== 'cached') throw new Error(`Not a result: ${kind}`);
  const hash = `made-${taskId.replace(':', '-')}`;
  return {
    kind: 'finished',
    // A failure from a cache (NX_CACHE_FAILURES).
    status: kind === 'cached' ? 'failure' : kind,
    code: kind === 'success' ? 0 : 1,
    fromCache: kind === 'cached' ? 'remote-cache' : null,
    hash,
    artifact: kind === 'success' ? { kind: 'cache', hash } : { kind: 'attempt', attempt },
    startMs: nowMs,
    endMs: nowMs,
    reason,
    hashDetails: null,
  };
}
