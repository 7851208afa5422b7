import { decideActivity } from './activity';

const CI = { CI: 'true', DTE_RENDEZVOUS_DIR: '/shared' };

describe('decideActivity', () => {
  it('is off on a laptop, where nothing is configured', () => {
    expect(decideActivity({}, {})).toEqual({ kind: 'off' });
  });

  it('is off on a laptop although nx.json names a coordinator', () => {
    expect(decideActivity({}, { coordinatorUrl: 'http://h:1' })).toEqual({ kind: 'off' });
    expect(decideActivity({ CI: 'false' }, { rendezvousDir: 'x' })).toEqual({ kind: 'off' });
  });

  it('distributes in CI when nx.json names a coordinator or a folder', () => {
    expect(decideActivity({ CI: 'true' }, { coordinatorUrl: 'http://h:1' })).toEqual({ kind: 'distribute' });
    expect(decideActivity({ CI: '1' }, { rendezvousDir: 'x' })).toEqual({ kind: 'distribute' });
  });

  it.each(['DTE_COORDINATOR_URL', 'DTE_RENDEZVOUS_DIR'])('distributes anywhere when %s is set', (name) => {
    expect(decideActivity({ [name]: 'x' }, {})).toEqual({ kind: 'distribute' });
  });

  it('distributes in GitLab jobs, and nowhere else, by the package registry', () => {
    const job = { CI_API_V4_URL: 'https://gitlab.example.com/api/v4', CI_PROJECT_ID: '7', CI_JOB_TOKEN: 't' };
    const wanted = { DTE_RENDEZVOUS: 'gitlab-packages' };
    expect(decideActivity({ ...job, ...wanted }, {})).toEqual({ kind: 'distribute' });
    expect(decideActivity(job, { rendezvous: 'gitlab-packages' })).toEqual({ kind: 'distribute' });
    expect(decideActivity(job, {})).toEqual({ kind: 'off' });
    expect(decideActivity({ CI: 'true', ...wanted }, {})).toEqual({ kind: 'off' });
    expect(decideActivity({ ...job, ...wanted, CI_JOB_TOKEN: '' }, {})).toEqual({ kind: 'off' });
  });

  it('plans when it is asked to, whatever is configured, and never in the tasks of an agent', () => {
    const plan = { DTE_PLAN_FILE: '/tmp/work.json' };
    expect(decideActivity({ ...CI, ...plan }, {}, { dte: false })).toEqual({
      kind: 'plan',
      path: '/tmp/work.json',
    });
    expect(decideActivity({ DTE_PLAN_FILE: '' }, {})).toEqual({ kind: 'off' });
    expect(decideActivity({ ...plan, DTE_EXECUTOR: '1' }, {})).toEqual({ kind: 'off' });
  });

  it('is off in the tasks of an agent, and in those that the main job runs itself', () => {
    expect(decideActivity({ ...CI, DTE_EXECUTOR: '1' }, {})).toEqual({ kind: 'off' });
    expect(decideActivity({ ...CI, NX_TASK_TARGET_PROJECT: 'app' }, {})).toEqual({ kind: 'off' });
  });

  it.each([{ useAgents: false }, { agents: false }, { dte: false }, { dte: 'false' }])(
    'is declined with %j',
    (args) => {
      expect(decideActivity(CI, args)).toEqual({ kind: 'declined' });
      expect(decideActivity(CI, {}, args)).toEqual({ kind: 'declined' });
      expect(decideActivity({}, args)).toEqual({ kind: 'off' });
    },
  );

  it('distributes in batch mode', () => {
    expect(decideActivity({ ...CI, NX_BATCH_MODE: 'true' }, {}, { batch: true })).toEqual({
      kind: 'distribute',
    });
  });
});
