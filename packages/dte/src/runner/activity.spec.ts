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

  it('is off in the tasks of an agent', () => {
    expect(decideActivity({ ...CI, DTE_EXECUTOR: '1' }, {})).toEqual({ kind: 'off' });
  });

  it.each([{ useAgents: false }, { agents: false }, { dte: false }, { dte: 'false' }])(
    'is off with %j',
    (args) => {
      expect(decideActivity(CI, args)).toEqual({ kind: 'off' });
      expect(decideActivity(CI, {}, args)).toEqual({ kind: 'off' });
    },
  );

  it('says that batch mode is not distributed', () => {
    expect(decideActivity({ ...CI, NX_BATCH_MODE: 'true' }, {})).toMatchObject({ kind: 'undistributed' });
    expect(decideActivity(CI, {}, { batch: true })).toMatchObject({ kind: 'undistributed' });
  });
});
