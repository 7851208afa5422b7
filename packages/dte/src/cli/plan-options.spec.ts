import { PLAN_FLAGS, readPlanFlags } from './plan-options';

describe('readPlanFlags', () => {
  it('has a default for each one that the pipeline needs', () => {
    expect(readPlanFlags({})).toMatchObject({ agentsMax: 8, minutesPerAgent: 5, parallel: 2, stage: 'test' });
  });

  it('reads lists and numbers from text', () => {
    expect(readPlanFlags({ agentsMax: '12', targets: 'lint, test' })).toMatchObject({
      agentsMax: 12,
      targets: ['lint', 'test'],
    });
  });

  it.each([
    [{ minutesPerAgent: 'five' }, /--minutes-per-agent has "five": expected a whole number/],
    [{ agentsMax: '-1' }, /--agents-max/],
    [{ stage: '' }, /--stage/],
  ])('refuses %j and names the flag', (flags, message) => {
    expect(() => readPlanFlags(flags)).toThrow(message);
  });

  it('accepts every flag of the command', () => {
    const names = PLAN_FLAGS.map(([flag]) =>
      (flag.split(' ')[0] ?? '')
        .slice(2)
        .replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()),
    );
    for (const name of names) expect(() => readPlanFlags({ [name]: '3' })).not.toThrow(/nrecognized/);
  });
});
