import { LIMITS } from '@org/dte-protocol';
import { resolveConfig } from './resolve';
import { configSchema, OPTIONS, type OptionName } from './schema';

describe('resolveConfig', () => {
  it('returns the defaults if nothing is set', () => {
    const { config, limits, warnings } = resolveConfig({ env: {} });
    expect(config).toMatchObject({
      audience: 'dte',
      labels: [],
      stopAgentsAfter: [],
      stopAgentsOnFailure: false,
    });
    expect(limits.agentWaitMs).toBe(LIMITS.agentWaitMs.value);
    expect(warnings).toEqual([]);
  });

  it('prefers a flag to a variable, a variable to nx.json, nx.json to the default', () => {
    const env = { DTE_HOST: 'from-env', DTE_PORT: '2' };
    const nxJson = { host: 'from-nx-json', port: 3, stopAgentsAfter: ['e2e'] };
    const { config, sourceOf } = resolveConfig({ flags: { host: 'from-flag' }, env, nxJson });
    expect(config).toMatchObject({ host: 'from-flag', port: 2, stopAgentsAfter: ['e2e'] });
    expect(sourceOf).toMatchObject({
      host: 'flag',
      port: 'environment',
      stopAgentsAfter: 'nx.json',
      labels: 'default',
    });
  });

  it('takes limits from variables and nx.json', () => {
    const { limits } = resolveConfig({ env: { DTE_AGENT_WAIT_MS: '5000' }, nxJson: { progressMs: 1000 } });
    expect(limits).toMatchObject({ agentWaitMs: 5000, progressMs: 1000, leaseMs: LIMITS.leaseMs.value });
  });

  it('treats an empty variable as not set', () => {
    expect(resolveConfig({ env: { DTE_SLOTS: '' } }).config.slots).toBeUndefined();
  });

  it.each([
    ['4', { most: 4, isAuto: false }],
    ['auto', { most: null, isAuto: true }],
    ['auto:6', { most: 6, isAuto: true }],
  ])('takes the slots of an agent as %s', (text, slots) => {
    expect(resolveConfig({ env: { DTE_SLOTS: text } }).config.slots).toEqual(slots);
  });

  it.each(['e2e-ci,lint', 'e2e-ci lint', ' e2e-ci , lint '])('reads the list %j', (text) => {
    expect(resolveConfig({ env: {}, flags: { stopAgentsAfter: text } }).config.stopAgentsAfter).toEqual([
      'e2e-ci',
      'lint',
    ]);
  });

  it.each([
    ['1', true],
    ['true', true],
    ['no', false],
    ['FALSE', false],
  ])('reads %j as %j', (text, value) => {
    expect(resolveConfig({ env: { DTE_STOP_AGENTS_ON_FAILURE: text } }).config.stopAgentsOnFailure).toBe(
      value,
    );
  });

  it.each([
    [
      'DTE_AGENT_WAIT_MS',
      'soon',
      /agentWaitMs has "soon" from DTE_AGENT_WAIT_MS: expected a whole number \(ms\)/,
    ],
    ['DTE_AGENT_WAIT_MS', '0', /expected 1 or more/],
    [
      'DTE_COORDINATOR_URL',
      'ftp://host',
      /coordinatorUrl has "ftp:\/\/host" from DTE_COORDINATOR_URL: expected an address/,
    ],
    ['DTE_SLOTS', '9999', /slots.*expected 1 to 256/],
    ['DTE_SLOTS', 'auto:0', /slots.*expected 1 to 256/],
    ['DTE_SLOTS', 'automatic', /slots.*expected a whole number, auto or auto:<n>/],
    ['DTE_SESSION_ID', '../x', /session.*letters, digits/],
    ['DTE_STOP_AGENTS_ON_FAILURE', 'maybe', /expected true or false/],
    ['DTE_WEIGHTS', '{"build":-1}', /weights.*positive/],
    ['DTE_WEIGHTS', '{', /weights.*JSON/],
  ])('refuses %s=%s, naming option, value and source', (name, value, message) => {
    expect(() => resolveConfig({ env: { [name]: value } })).toThrow(message);
  });

  it('takes forwardedNames names of forwardEnv, and not one more', () => {
    const named = (count: number) =>
      resolveConfig({
        env: {},
        nxJson: { forwardEnv: Array.from({ length: count }, (_, nth) => `N${nth}`) },
      });
    const most = LIMITS.forwardedNames.value;
    expect(named(most).config.forwardEnv).toHaveLength(most);
    expect(() => named(most + 1)).toThrow(`expected at most ${most} entries`);
  });

  it('rejects an invalid value in nx.json and says where it is set', () => {
    expect(() => resolveConfig({ env: {}, nxJson: { port: 'x' } })).toThrow(/port has "x" from nx.json/);
  });

  it('never prints a secret', () => {
    expect(() => resolveConfig({ env: { DTE_SECRET: 'a\nb' } })).toThrow(
      /secret has a value from DTE_SECRET/,
    );
  });

  it('warns about unknown variables and options with the nearest name, and continues', () => {
    const { warnings } = resolveConfig({
      env: { DTE_AGENT_WAIT: '1' },
      nxJson: { coordinatorURL: 'x', accessToken: 'dte' },
    });
    expect(warnings).toEqual([
      'The variable DTE_AGENT_WAIT is unknown and was ignored. Did you mean DTE_AGENT_WAIT_MS?',
      'The option coordinatorURL in nx.json is unknown and was ignored. Did you mean coordinatorUrl?',
    ]);
  });

  it('says where an option in nx.json must be set instead, and ignores it', () => {
    const { config, warnings } = resolveConfig({ env: {}, nxJson: { secret: 'x' } });
    expect(config.secret).toBeUndefined();
    expect(warnings).toEqual([
      'The option secret cannot be set in nx.json and was ignored there. Set DTE_SECRET instead.',
    ]);
  });

  it('knows the variables that our own processes set', () => {
    expect(resolveConfig({ env: { DTE_EXECUTOR: '1' } }).warnings).toEqual([]);
  });

  it('removes the trailing slash of an address', () => {
    expect(resolveConfig({ env: { DTE_COORDINATOR_URL: 'http://h:1/' } }).config.coordinatorUrl).toBe(
      'http://h:1',
    );
  });
});

describe('OPTIONS', () => {
  it('documents every option of the schema, with a unique variable and flag', () => {
    expect(OPTIONS.map(({ name }) => name)).toEqual(Object.keys(configSchema.shape) as OptionName[]);
    const variables = OPTIONS.flatMap(({ about }) => about.env ?? []);
    const flags = OPTIONS.flatMap(({ about }) => about.flag?.split(' ')[0] ?? []);
    expect(new Set(variables).size).toBe(variables.length);
    expect(new Set(flags).size).toBe(flags.length);
  });

  it('has every limit that a variable sets', () => {
    const limits = Object.values(LIMITS).flatMap(({ env }) => env ?? []);
    const variables = OPTIONS.flatMap(({ about }) => about.env ?? []);
    expect(limits.filter((name) => !variables.includes(name))).toEqual([]);
  });
});
