import type { RunAccepted, RunSpec } from '@org/dte-protocol';
import { describe, expectedDurations, type Input, type SchedulerState } from '@org/dte-scheduler';
import type { SessionDurations } from './session-durations';
import type { SessionHistory } from './session-history';

/** What earlier pipelines tell. */
interface Known {
  readonly flakiness: SessionHistory;
  readonly durations: SessionDurations;
}

/** What is known now becomes part of the input: replaying the journal must not depend on a later history. */
export async function runInput(
  spec: RunSpec,
  state: SchedulerState,
  { flakiness, durations }: Known,
): Promise<Input> {
  const { agents } = describe(state);
  const [flaky, learnt] = await Promise.all([flakiness.flakyOf(spec), durations.learnt(spec, agents)]);
  return {
    type: 'run.submit',
    spec,
    ...(flaky.length === 0 ? {} : { flaky }),
    ...learnt,
  };
}

/** The answer to a run, with the durations that are expected of its tasks if any is known. */
export function runAccepted(state: SchedulerState, runId: string): RunAccepted {
  const expectedMs = expectedDurations(state, runId);
  const isKnown = expectedMs.some((ms) => ms !== null);
  return { runId, ...(isKnown ? { expectedMs: [...expectedMs] } : {}) };
}
