import { hasPackageRegistry, readGitlabJob } from '@org/dte-gitlab/job';
import { decideActivity, type Activity } from './activity';

type Table = Readonly<Record<string, unknown>>;

const decide = (env: Record<string, string>, options: Table, nxArgs?: Table): Activity =>
  decideActivity({
    env,
    options,
    ...(nxArgs === undefined ? {} : { nxArgs }),
    hasPackageRegistry: () => hasPackageRegistry(readGitlabJob(env)),
  });

const CI = { CI: 'true', DTE_RENDEZVOUS_DIR: '/shared' };

describe('decideActivity', () => {
  it("is off on a developer's machine, where nothing is configured", () => {
    expect(decide({}, {})).toEqual({ kind: 'off' });
  });

  it("is off on a developer's machine although nx.json names a coordinator", () => {
    expect(decide({}, { coordinatorUrl: 'http://h:1' })).toEqual({ kind: 'off' });
    expect(decide({ CI: 'false' }, { rendezvousDir: 'x' })).toEqual({ kind: 'off' });
  });

  it('distributes in CI if nx.json names a coordinator or a folder', () => {
    expect(decide({ CI: 'true' }, { coordinatorUrl: 'http://h:1' })).toEqual({ kind: 'distribute' });
    expect(decide({ CI: '1' }, { rendezvousDir: 'x' })).toEqual({ kind: 'distribute' });
  });

  it.each(['DTE_COORDINATOR_URL', 'DTE_RENDEZVOUS_DIR'])('distributes anywhere when %s is set', (name) => {
    expect(decide({ [name]: 'x' }, {})).toEqual({ kind: 'distribute' });
  });

  it('distributes through the package registry only in GitLab jobs', () => {
    const job = { CI_API_V4_URL: 'https://gitlab.example.com/api/v4', CI_PROJECT_ID: '7', CI_JOB_TOKEN: 't' };
    const wanted = { DTE_RENDEZVOUS: 'gitlab-packages' };
    expect(decide({ ...job, ...wanted }, {})).toEqual({ kind: 'distribute' });
    expect(decide(job, { rendezvous: 'gitlab-packages' })).toEqual({ kind: 'distribute' });
    expect(decide(job, {})).toEqual({ kind: 'off' });
    expect(decide({ CI: 'true', ...wanted }, {})).toEqual({ kind: 'off' });
    expect(decide({ ...job, ...wanted, CI_JOB_TOKEN: '' }, {})).toEqual({ kind: 'off' });
  });

  it('plans when requested, whatever is configured, and never in the tasks of an agent', () => {
    const plan = { DTE_PLAN_FILE: '/tmp/work.json' };
    expect(decide({ ...CI, ...plan }, {}, { dte: false })).toEqual({
      kind: 'plan',
      path: '/tmp/work.json',
    });
    expect(decide({ DTE_PLAN_FILE: '' }, {})).toEqual({ kind: 'off' });
    expect(decide({ ...plan, DTE_EXECUTOR: '1' }, {})).toEqual({ kind: 'off' });
  });

  it('is off in tasks on an agent, and in tasks that the main job runs itself', () => {
    expect(decide({ ...CI, DTE_EXECUTOR: '1' }, {})).toEqual({ kind: 'off' });
    expect(decide({ ...CI, NX_TASK_TARGET_PROJECT: 'app' }, {})).toEqual({ kind: 'off' });
  });

  it.each([{ useAgents: false }, { agents: false }, { dte: false }, { dte: 'false' }])(
    'is declined with %j',
    (args) => {
      expect(decide(CI, args)).toEqual({ kind: 'declined' });
      expect(decide(CI, {}, args)).toEqual({ kind: 'declined' });
      expect(decide({}, args)).toEqual({ kind: 'off' });
    },
  );

  it('distributes in batch mode', () => {
    expect(decide({ ...CI, NX_BATCH_MODE: 'true' }, {}, { batch: true })).toEqual({
      kind: 'distribute',
    });
  });
});
