import {
  ChaosBench,
  type ChaosResult,
  describeResult,
  type Fault,
  type RunPlan,
  summaryLine,
  tempFolders,
} from '@org/dte-testing';
import { inSchedule } from '../support/scheduled';

/**
 * A short round of `npm run chaos`: the faults that matter most, each in a run of its own. What is expected
 * is in `packages/testing/src/chaos/verdict.ts`: exit code, statuses and files of a local run, one accepted result for each task, and
 * nothing left behind.
 */
const fault = (kind: Fault['kind'], more: Partial<Fault> = {}): Fault => ({
  kind,
  moment: { after: 'started', count: 3 },
  agent: 0,
  forMs: null,
  first: true,
  ...more,
});

const plan = (mode: RunPlan['mode'], faults: readonly Fault[], more: Partial<RunPlan> = {}): RunPlan => ({
  seed: 0,
  run: 0,
  mode,
  agents: 2,
  fails: false,
  waits: 'short',
  faults,
  ...more,
});

describe('a real run with faults', () => {
  const folder = tempFolders();

  async function held(wanted: RunPlan): Promise<ChaosResult> {
    const bench = new ChaosBench(folder());
    const result = await bench.perform(wanted);
    if (result.violations.length > 0) {
      const logs = Object.entries(result.logs).map(
        ([name, text]) => `---- ${name} ----\n${text.slice(-8_000)}`,
      );
      throw new Error([describeResult(result), ...logs].join('\n'));
    }
    console.info(`${describeResult(result)}\n${summaryLine([result])}`);
    return result;
  }

  /** How often each task started. */
  const startsOf = ({ evidence }: ChaosResult): Record<string, number> => {
    const starts: Record<string, number> = {};
    for (const { id, what } of evidence?.journal ?? [])
      if (what === 'start') starts[id] = (starts[id] ?? 0) + 1;
    return starts;
  };

  it('ends as a local run when an agent is killed, and a task fails', async () => {
    const { injections, logs } = await held(plan('embedded', [fault('kill agent')], { fails: true }));
    expect(injections).toHaveLength(1);
    // Its connection says so. Its lease, which would be the other way to find out, is over later.
    const said = logs['coordinator']
      ?.split('\n')
      .flatMap((line) => /"msg":"(agent disconnected|attempt lost)/.exec(line)?.[1] ?? []);
    expect(said?.[0]).toBe('agent disconnected');
    expect(injections[0]?.noticedMs).not.toBeNull();
  });

  it('ends as a local run when the coordinator is restarted, and no attempt is lost', async () => {
    const waits = 'default';
    const restart = fault('restart coordinator', { forMs: 3_000 });
    const result = await held(plan('standalone', [restart], { waits }));
    expect(result.injections).toHaveLength(1);
    expect(Object.entries(startsOf(result)).filter(([, count]) => count !== 1)).toEqual([]);
  });

  inSchedule('ends as a local run when connections are cut, and no attempt is lost', async () => {
    const faults = [
      fault('cut agent', { forMs: 1_000 }),
      fault('reset main', { moment: { after: 'accepted', count: 5 } }),
    ];
    const result = await held(plan('embedded', faults, { waits: 'default' }));
    expect(result.injections).toHaveLength(2);
    expect(Object.entries(startsOf(result)).filter(([, count]) => count !== 1)).toEqual([]);
  });
});
