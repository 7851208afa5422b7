import type { Env } from '@org/dte-config';
import { readLimits } from '@org/dte-protocol';
import { readSurroundings } from './surroundings';
import {
  createRendezvous,
  forAgent,
  noRendezvous,
  StaticRendezvous,
  type RendezvousOptions,
} from './rendezvous';

const { limits } = readLimits({});
const JOB = { CI_API_V4_URL: 'https://gitlab.example.com/api/v4', CI_PROJECT_ID: '7', CI_JOB_TOKEN: 't' };
const create = (config: RendezvousOptions['config'], env: Env = {}) =>
  createRendezvous({ config, surroundings: readSurroundings(env), limits, workspaceRoot: '/w' });

describe('createRendezvous', () => {
  it('is null if none is configured', () => {
    expect(create({}, JOB)).toBeNull();
  });

  it('prefers an address to a folder, and a folder to the package registry', () => {
    const all = { coordinatorUrl: 'http://h:1', rendezvousDir: 'x', rendezvous: 'gitlab-packages' } as const;
    expect(create(all, JOB)?.kind).toBe('static');
    expect(create({ ...all, coordinatorUrl: undefined }, JOB)?.kind).toBe('file');
    expect(create({ rendezvous: 'gitlab-packages' }, JOB)?.kind).toBe('gitlab-packages');
  });

  it('is null, with the reason, for the package registry outside a GitLab job', () => {
    expect(create({ rendezvous: 'gitlab-packages' })).toBeNull();
    expect(noRendezvous({ rendezvous: 'gitlab-packages' }).message).toContain('CI_JOB_TOKEN is missing');
    expect(noRendezvous({}).message).toContain('nor DTE_RENDEZVOUS_DIR');
  });
});

describe('forAgent', () => {
  it('limits how often agents poll the package registry, but not a folder', () => {
    const registry = create({ rendezvous: 'gitlab-packages' }, JOB);
    const folder = create({ rendezvousDir: 'x' });
    if (registry === null || folder === null) throw new Error('unreachable: both are configured');
    expect(forAgent(registry, limits)).not.toBe(registry);
    expect(forAgent(registry, limits).isAddressGiven).toBe(false);
    expect(forAgent(folder, limits)).toBe(folder);
  });
});

describe('StaticRendezvous', () => {
  it('returns its address for every session, and ignores everything that is published', async () => {
    const rendezvous = new StaticRendezvous('http://h:1');
    await rendezvous.publish();
    await rendezvous.withdraw();
    await rendezvous.finish();
    await rendezvous.report();
    await rendezvous.tidy();
    const found = await rendezvous.find('any');
    expect(found).toMatchObject({ sessionId: 'any', url: 'http://h:1' });
    expect(found.state).toBeUndefined();
    expect(await rendezvous.reports()).toEqual([]);
  });
});
