import { type Fault, FAULT_KINDS, type FaultKind, planRun } from './plan';

const plans = Array.from({ length: 400 }, (_, index) => planRun(1, index + 1));

describe('a plan of faults', () => {
  it('is the same for the same seed and run, whatever else is planned', () => {
    expect(planRun(1, 7)).toEqual(plans[6]);
    expect(planRun(2, 7)).not.toEqual({ ...plans[6], seed: 2 });
  });

  it('has one to three faults, and both kinds of coordinator by turns', () => {
    expect(new Set(plans.map(({ faults }) => faults.length))).toEqual(new Set([1, 2, 3]));
    expect(plans.slice(0, 3).map(({ mode }) => mode)).toEqual(['embedded', 'standalone', 'embedded']);
  });

  it.each([1, 2, 3])('has every kind of fault within the runs of ten minutes, seed %i', (seed) => {
    const first = Array.from({ length: 12 }, (_, index) => planRun(seed, index + 1));
    const planned = first.flatMap(({ faults }) => faults.map(({ kind }) => kind));
    expect([...new Set<FaultKind>(planned)].sort()).toEqual([...FAULT_KINDS].sort());
  });

  it('has faults at agents before those after which agents leave', () => {
    const isOfAgents = ({ kind }: Fault): boolean => /agent|executor|task|artifact/.test(kind);
    for (const { faults } of plans) {
      const last = faults.map(isOfAgents).lastIndexOf(true);
      expect(faults.slice(0, last + 1).every(isOfAgents)).toBe(true);
      const starts = faults.flatMap(({ moment }) => (moment.after === 'started' ? [moment.count] : []));
      expect(starts).toEqual([...starts].sort((a, b) => a - b));
      for (const { moment } of faults) expect(moment.count).toBeLessThanOrEqual(9);
    }
  });

  it('restarts only a coordinator that is a service', () => {
    const restarts = plans.filter(({ faults }) => faults.some(({ kind }) => kind === 'restart coordinator'));
    expect(new Set(restarts.map(({ mode }) => mode))).toEqual(new Set(['standalone']));
  });
});
