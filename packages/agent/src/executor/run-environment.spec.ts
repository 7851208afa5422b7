import { RunEnvironment } from './run-environment';

describe('RunEnvironment', () => {
  it('sets what a run brings, puts it back for the next, and says whether anything changed', () => {
    const env: NodeJS.ProcessEnv = { KEPT: 'job', REPLACED: 'job' };
    const environment = new RunEnvironment(env);
    expect(environment.apply({})).toBe(false);
    expect(environment.apply({ REPLACED: 'run', ADDED: 'run' })).toBe(true);
    expect(env).toEqual({ KEPT: 'job', REPLACED: 'run', ADDED: 'run' });
    expect(environment.apply({ ADDED: 'run', REPLACED: 'run' })).toBe(false);
    expect(environment.apply({ ADDED: 'other' })).toBe(true);
    expect(env).toEqual({ KEPT: 'job', REPLACED: 'job', ADDED: 'other' });
    expect(environment.apply({})).toBe(true);
    expect(env).toEqual({ KEPT: 'job', REPLACED: 'job' });
  });
});
