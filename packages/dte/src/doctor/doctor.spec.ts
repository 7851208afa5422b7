import type { PipelineView } from '@org/dte-gitlab/generators';
import type { SeamFindings } from '@org/dte-nx-compat';
import { resolveConfig } from '@org/dte-config';
import { MemoryRendezvous } from '@org/dte-testing';
import { StaticRendezvous } from '../edge/rendezvous';
import { environmentFindings, nodeFinding, rendezvousFindings } from './environment-findings';
import { pipelineFindings } from './pipeline-findings';
import { placeOf } from './place';
import { renderFindings } from './render';
import { seamFindings } from './seam-findings';

const healthy: SeamFindings = {
  nxVersion: '24.0.6',
  runnerConfigured: '@org/dte',
  aliasResolves: true,
  aliasPackage: { name: '@org/dte-nx-cloud-shim', version: '1.0.0' },
  aliasIsOurs: true,
  accessTokenSet: true,
  nxNoCloud: false,
  neverConnectToCloud: false,
  nxCloudId: undefined,
  nxCloudAccessTokenInNxJson: false,
  nxCloudAccessTokenEnv: false,
  codexEnv: false,
  nxCloudUsed: false,
  reachable: { ok: true },
};
const levels = (findings: { level: string }[]): string[] => findings.map(({ level }) => level);

describe('seamFindings', () => {
  it('accepts a correct workspace', () => {
    expect(levels(seamFindings(healthy, '1.0.0'))).toEqual(['ok', 'ok']);
  });

  it.each([
    'nx-missing',
    'nx-unsupported',
    'runner-missing',
    'access-token-missing',
    'alias-missing',
    'alias-foreign',
    'no-cloud',
    'codex',
    'counts-as-nx-cloud',
  ] as const)('has a cure for %s', (reason) => {
    const findings = seamFindings({ ...healthy, reachable: { ok: false, reason } }, '1.0.0');
    expect(findings).toContainEqual({
      level: 'stop',
      text: expect.any(String) as string,
      cure: expect.any(String) as string,
    });
  });

  it('mentions leftovers of the vendor, switches that later versions obey, and a shim of another version', () => {
    const odd = { ...healthy, nxCloudAccessTokenEnv: true, neverConnectToCloud: true };
    const texts = seamFindings(odd, '2.0.0')
      .map(({ text }) => text)
      .join('\n');
    expect(texts).toMatch(/NX_CLOUD_ACCESS_TOKEN/);
    expect(texts).toMatch(/neverConnectToCloud/);
    expect(texts).toMatch(/shim is version 1\.0\.0/);
  });
});

describe('environment', () => {
  it('rejects an old Node', () => {
    expect(nodeFinding('v18.20.0').level).toBe('stop');
    expect(nodeFinding('v20.0.0').level).toBe('ok');
  });

  it('finds a variable that only tasks on agents have', () => {
    expect(
      levels(environmentFindings({ DTE_EXECUTOR: '1', NX_SKIP_ATOMIZER_VALIDATION: 'true' }, true)),
    ).toEqual(['stop']);
  });
});

describe('split targets', () => {
  it('are mentioned only where there are some, or where nobody knows', () => {
    expect(levels(environmentFindings({}, true))).toEqual(['note']);
    expect(levels(environmentFindings({}, null))).toEqual(['note']);
    expect(environmentFindings({}, false)).toEqual([]);
  });
});

describe('rendezvousFindings', () => {
  const resolved = resolveConfig({ env: {} });
  const at = (url: string, alive: boolean, env = {}) =>
    rendezvousFindings(resolveConfig({ env }), new StaticRendezvous(url), 's', () => Promise.resolve(alive));

  it('stops without a rendezvous', async () => {
    expect(levels(await rendezvousFindings(resolved, null, 's', () => Promise.resolve(true)))).toEqual([
      'stop',
    ]);
  });

  it('accepts a coordinator that answers on this machine', async () => {
    expect(levels(await at('http://127.0.0.1:1', true))).toEqual(['ok', 'ok']);
  });

  it('stops at an address that does not answer', async () => {
    expect(levels(await at('http://127.0.0.1:1', false))).toEqual(['ok', 'stop']);
  });

  it('mentions a finished session, without asking for its coordinator', async () => {
    const rendezvous = new MemoryRendezvous(() => 0);
    await rendezvous.publish({
      version: 1,
      sessionId: 's',
      url: 'http://10.0.0.5:1',
      generation: 'g',
      expiresAtMs: 1,
      state: 'finished',
    });
    const findings = await rendezvousFindings(resolved, rendezvous, 's', () => Promise.reject(new Error()));
    expect(levels(findings)).toEqual(['ok', 'note']);
  });

  it('stops at another machine without id token and secret, and accepts one with either', async () => {
    expect(levels(await at('http://10.0.0.5:1', true))).toEqual(['ok', 'ok', 'stop']);
    expect(levels(await at('https://dte.example', true, { DTE_ID_TOKEN: 'a.b.c' }))).toEqual(['ok', 'ok']);
    expect(levels(await at('http://10.0.0.5:1', true, { DTE_ID_TOKEN: 'a.b.c' }))).toEqual([
      'ok',
      'ok',
      'note',
    ]);
    expect(levels(await at('http://10.0.0.5:1', true, { DTE_SECRET: 'x' }))).toEqual(['ok', 'ok']);
  });
});

describe('pipelineFindings', () => {
  const pipeline: PipelineView = {
    hasCiFile: true,
    isLeftOut: false,
    hasMain: true,
    keepsReport: true,
    hasSplitTargets: false,
    story: {
      sentences: [
        { text: 'It runs test (2).', isGap: false },
        { text: 'It does not run lint (2).', isGap: true },
      ],
      problems: [],
      testsNothing: false,
      targets: ['test'],
    },
  };

  it('says how a pipeline of an earlier version gets a report', () => {
    const [finding] = pipelineFindings({ ...pipeline, keepsReport: false }, 'laptop');
    expect(finding).toMatchObject({
      level: 'note',
      cure: expect.stringContaining('setup-gitlab') as unknown,
    });
    expect(
      pipelineFindings({ ...pipeline, keepsReport: false, hasMain: false }, 'laptop'),
    ).not.toContainEqual(finding);
  });

  it('says what the pipeline runs, and what it leaves out', () => {
    expect(pipelineFindings(pipeline, 'laptop')).toEqual([
      { level: 'ok', text: 'It runs test (2).' },
      { level: 'note', text: 'It does not run lint (2).' },
    ]);
  });

  it.each([
    [
      'its nx command names only targets that no project has',
      { story: { ...pipeline.story, testsNothing: true } },
    ],
    ['no file includes the generated one', { isLeftOut: true }],
    ['there is no file for GitLab', { hasCiFile: false }],
  ])('stops on a laptop when %s', (_, change) => {
    expect(levels(pipelineFindings({ ...pipeline, ...change }, 'laptop'))).toContain('stop');
  });

  it('accepts in a job that its file is elsewhere', () => {
    expect(levels(pipelineFindings({ ...pipeline, hasCiFile: false }, 'job'))).toEqual(['note']);
  });

  it('mentions problems and an absent main job', () => {
    const problems = [['target e2e', 'no project has it']] as const;
    const view = { ...pipeline, hasMain: false, story: { ...pipeline.story, problems } };
    expect(levels(pipelineFindings(view, 'laptop'))).toEqual(['note', 'note', 'ok', 'note']);
  });
});

describe('placeOf', () => {
  it.each<[object, object, string]>([
    [{}, {}, 'laptop'],
    [{ CI: 'false' }, {}, 'laptop'],
    [{ CI: 'true' }, {}, 'job'],
    [{ CI_JOB_ID: '5' }, {}, 'job'],
    [{ DTE_RENDEZVOUS_DIR: '/x' }, {}, 'job'],
    [{}, { coordinatorUrl: 'http://x' }, 'job'],
  ])('with %j and %j is a %s', (env, flags, place) => {
    expect(placeOf(env as Record<string, string>, flags as Record<string, unknown>)).toBe(place);
  });
});

describe('renderFindings', () => {
  it('ends with a verdict that does not promise distribution on a laptop', () => {
    expect(renderFindings([], 'laptop')).toMatch(/Set up.*begins in CI/);
    expect(renderFindings([], 'laptop')).not.toContain('Ready');
  });

  it('ends with a verdict', () => {
    const good = { level: 'ok', text: 'fine' } as const;
    expect(renderFindings([good], 'job')).toMatch(/fine[\s\S]*Ready/);
    expect(renderFindings([good, { level: 'stop', text: 'broken', cure: 'mend it' }], 'job')).toMatch(
      /broken\n.*mend it[\s\S]*1 problem to fix/,
    );
  });
});
