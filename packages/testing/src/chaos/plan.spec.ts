import { type FaultKind, planRun } from './plan';

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

  it('has every kind of fault', () => {
    const processes = ['agent', 'executor', 'task', 'coordinator', 'main'];
    const all = [
      ...['kill', 'freeze', 'term'].flatMap((verb) => processes.map((target) => `${verb} ${target}`)),
      ...['cut', 'stall', 'slow', 'reset', 'half-open'].flatMap((verb) => [`${verb} agent`, `${verb} main`]),
      ...['agent', 'coordinator', 'main'].map((target) => `disk-full ${target}`),
      'flip artifact',
      'truncate artifact',
      'restart coordinator',
    ];
    const planned = plans.flatMap(({ faults }) => faults.map(({ kind }) => kind));
    expect([...new Set<FaultKind>(planned)].sort()).toEqual(all.sort());
  });

  it('restarts only a coordinator that is a service', () => {
    const restarts = plans.filter(({ faults }) => faults.some(({ kind }) => kind === 'restart coordinator'));
    expect(new Set(restarts.map(({ mode }) => mode))).toEqual(new Set(['standalone']));
  });
});
