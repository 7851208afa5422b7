import { ForwardedEnvs } from './forwarded-env';

const env = { values: { TOKEN: 's3cret' } };
const missing = expect.objectContaining({ code: 'DTE_FORWARDED_ENV_MISSING' }) as Error;
let envs: ForwardedEnvs;
beforeEach(() => {
  envs = new ForwardedEnvs();
  envs.begin({ runId: 'r1', forwardedEnv: ['TOKEN'] });
  envs.begin({ runId: 'r2' });
});

it('tells agents to retry until the main job has sent the values', () => {
  expect(() => envs.get('r1')).toThrow(missing);
  envs.put('r1', env);
  expect(envs.get('r1')).toEqual(env);
});

it('has nothing for a run that forwards nothing, and accepts nothing for it', () => {
  envs.put('r2', env);
  expect(envs.get('r2')).toEqual({ values: {} });
});

it('forgets the values at the end of the run, and accepts none after it', () => {
  envs.put('r1', env);
  envs.end('r1');
  envs.put('r1', env);
  expect(() => envs.get('r1')).toThrow(missing);
});
