import type { ChaosResult, MadeFault } from './chaos-run';
import { median } from './observe';
import { describePlan, FAULT_KINDS, type FaultKind } from './plan';
import type { ViolationKind } from './verdict';

const KINDS: readonly ViolationKind[] = [
  'wrongExit',
  'lostTasks',
  'lostOutputs',
  'doubleAccepted',
  'leftovers',
];

/** Fault -> the median of one of its times, ms. */
function medians(
  results: readonly ChaosResult[],
  timeOf: (fault: MadeFault) => number | null,
): Record<string, number> {
  const times = new Map<string, number[]>();
  for (const fault of results.flatMap(({ injections }) => injections)) {
    const ms = timeOf(fault);
    if (ms !== null) times.set(fault.kind, [...(times.get(fault.kind) ?? []), ms]);
  }
  const sorted = [...times].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([kind, all]) => [kind, Math.round(median(all))]));
}

/** For machines: what all runs came to. */
export function summaryLine(results: readonly ChaosResult[]): string {
  const violations = results.flatMap((result) => result.violations);
  const counts = Object.fromEntries(
    KINDS.map((kind) => [kind, violations.filter((each) => each.kind === kind).length]),
  );
  const faults = results.reduce((sum, { injections }) => sum + injections.length, 0);
  const medianRecoveryMs = medians(results, ({ recoveryMs }) => recoveryMs);
  return `chaos: ${JSON.stringify({ runs: results.length, faults, kinds: kindsMade(results).size, ...counts, medianRecoveryMs })}`;
}

const kindsMade = (results: readonly ChaosResult[]): Set<FaultKind> =>
  new Set(results.flatMap(({ injections }) => injections.map(({ kind }) => kind)));

/** Which kinds of faults there were. */
export function coverageLine(results: readonly ChaosResult[]): string {
  const made = kindsMade(results);
  const absent = FAULT_KINDS.filter((kind) => !made.has(kind));
  const all = `${made.size} of ${FAULT_KINDS.length} kinds of faults were made`;
  return absent.length === 0 ? `${all}.` : `${all}; not made: ${absent.join(', ')}.`;
}

/** How long it took until the coordinator noticed what had happened to an agent: `kill agent 20 ms, ...`. */
export function noticeLine(results: readonly ChaosResult[]): string {
  const noticed = Object.entries(medians(results, ({ noticedMs }) => noticedMs));
  return `Noticed by the coordinator after (median): ${noticed.map(([kind, ms]) => `${kind} ${ms} ms`).join(', ')}`;
}

const inSeconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

function describeMade({ kind, noticedMs, recoveryMs }: MadeFault): string {
  const times = [
    ...(noticedMs === null ? [] : [`noticed ${inSeconds(noticedMs)}`]),
    ...(recoveryMs === null ? [] : [`next result ${inSeconds(recoveryMs)}`]),
  ];
  return times.length === 0 ? kind : `${kind} (${times.join(', ')})`;
}

/** For people: one run, and what is wrong with it. */
export function describeResult({ plan, injections, missed, violations, durationMs }: ChaosResult): string {
  const made = injections.map(describeMade);
  const head = `run ${plan.run}: ${violations.length === 0 ? 'held' : 'VIOLATED'} in ${Math.round(durationMs / 1000)} s`;
  return [
    `${head} · ${describePlan(plan)}`,
    `  made: ${made.join(', ') || 'nothing'}${missed.length === 0 ? '' : `; not reached: ${missed.map(({ kind }) => kind).join(', ')}`}`,
    ...violations.map(({ kind, what }) => `  ${kind}: ${what}`),
  ].join('\n');
}
