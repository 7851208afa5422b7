import { NX_VERSIONS } from './install-majors';
import type { CarryInput, CarryResult } from './scenarios/carry';
import { startArtifactServer, type ArtifactServer } from './support/artifact-server';
import { OUTPUT_SHAPES } from './support/output-shapes';
import { makeWorkspace, project, type Workspace } from './support/workspace';

/** Outputs that are a link, or are reached through one. */
const NOWHERE = [
  'output-is-dangling',
  'output-is-link-to-file',
  'output-is-link-to-folder',
  'outputs-link-to-one-another',
  'through',
  'through-all',
  'through-file',
  'through-glob',
  'through-sub',
];
/** Links that a remote cache of 24 refuses: they lead out of their output. */
const LEADING_OUT = ['link-absolute', 'link-elsewhere', 'link-outside', 'link-to-above'];
/** Anything with a link in it: 20 puts what it leads to into a remote cache. */
const WITH_LINKS = [
  ...LEADING_OUT,
  'globs',
  'link-cyclic',
  'link-dangling',
  'link-long',
  'link-to-file',
  'link-to-folder',
  'link-to-link',
];

const notSent = (version: string): string[] => {
  const major = Number(version.split('.')[0]);
  const links = major === 20 ? WITH_LINKS : major === 24 ? LEADING_OUT : ['link-absolute'];
  return [...NOWHERE, ...links].sort();
};

describe.each(NX_VERSIONS)("outputs in Nx's cache, nx %s", (version) => {
  let server: ArtifactServer;
  let here: Workspace;
  let there: Workspace;
  let stored: CarryResult['seen'];

  const carry = async (of: Workspace, input: Pick<CarryInput, 'how' | 'only' | 'damage'>) =>
    (await of.run<CarryResult>('carry', { remoteCache: { url: server.url, token: 'secret' }, ...input }))
      .result;
  const missed = ({ from }: CarryResult): string[] =>
    Object.keys(from)
      .filter((name) => from[name] === 'miss')
      .sort();
  /** Shapes that were found and are not as they were. */
  const untrue = ({ from, seen }: CarryResult): unknown[] =>
    Object.keys(from)
      .filter((name) => from[name] !== 'miss' && JSON.stringify(seen[name]) !== JSON.stringify(stored[name]))
      .map((name) => ({ name, from: from[name], made: stored[name], restored: seen[name] }));

  beforeAll(async () => {
    server = await startArtifactServer();
    here = makeWorkspace(version, project('good', { build: 'true' }));
    there = here.clone();
    stored = (await carry(here, { how: 'store' })).seen;
  });
  afterAll(async () => {
    here.remove();
    there.remove();
    await server.close();
  });

  it('come back from the local cache as they were, whatever was in their place, or are not in it', async () => {
    const local = await carry(here, { how: 'fetch' });

    expect(untrue(local)).toEqual([]);
    expect(missed(local)).toEqual([...NOWHERE].sort());
    expect(Object.keys(local.from)).toEqual(Object.keys(OUTPUT_SHAPES));
  });

  it('come back from a remote cache as they were, whatever was in their place, or are not sent', async () => {
    const remote = await carry(there, { how: 'fetch' });

    expect(untrue(remote)).toEqual([]);
    expect(missed(remote)).toEqual(notSent(version));
  });

  it('are found on the machine that fetched them, also where there are none', async () => {
    const again = await carry(there, { how: 'fetch', only: ['plain', 'nothing', 'empty', 'twice'] });

    expect(again.from).toEqual({ plain: 'local', nothing: 'local', empty: 'local', twice: 'local' });
  });

  it.each([
    ['the folder of an entry', { damage: '' }],
    ['one file of an entry', { damage: 'shapes/plain/dist/sub/b.js' }],
  ])('are fetched again when %s is gone and only the database has it', async (_, damage) => {
    const found = await carry(there, { how: 'damaged', only: ['plain'], ...damage });

    expect(found.from).toEqual({ 'plain, looked up': 'miss', plain: 'remote' });
    expect(untrue({ ...found, from: { plain: 'remote' } })).toEqual([]);
  });

  it('are a miss when no remote cache has them either', async () => {
    server.artifacts.clear();

    const found = await carry(there, { how: 'damaged', only: ['plain'] });

    expect(found.from).toEqual({ 'plain, looked up': 'miss', plain: 'miss' });
  });
});
