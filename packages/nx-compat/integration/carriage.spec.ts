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
/** Links that a remote cache of 24 rejects: they lead out of their output. */
const LEADING_OUT = ['link-absolute', 'link-elsewhere', 'link-outside', 'link-to-above'];
/** Anything that contains a link: 20 puts its target into a remote cache. */
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

  type Step = Pick<CarryInput, 'how' | 'only' | 'damage'>;
  const inputOf = (step: Step): object => ({ remoteCache: { url: server.url, token: 'secret' }, ...step });
  const carry = async (of: Workspace, step: Step) =>
    (await of.run<CarryResult>('carry', inputOf(step))).result;
  const missed = ({ from }: CarryResult): string[] =>
    Object.keys(from)
      .filter((name) => from[name] === 'miss')
      .sort();
  /** Shapes that were restored, but not unchanged. */
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

  it('are restored unchanged from the local cache, whatever was in their place, or are not stored in it', async () => {
    const local = await carry(here, { how: 'fetch' });

    expect(untrue(local)).toEqual([]);
    expect(missed(local)).toEqual([...NOWHERE].sort());
    expect(Object.keys(local.from)).toEqual(Object.keys(OUTPUT_SHAPES));
  });

  it('are restored unchanged from a remote cache, whatever was in their place, or are not uploaded', async () => {
    const remote = await carry(there, { how: 'fetch' });

    expect(untrue(remote)).toEqual([]);
    expect(missed(remote)).toEqual(notSent(version));
  });

  describe('on the machine that fetched them', () => {
    let again: CarryResult | undefined;
    const damaged = new Map<string, CarryResult | undefined>();
    const DAMAGE = [
      ['the folder of an entry', ''],
      ['one file of an entry', 'shapes/plain/dist/sub/b.js'],
    ] as const;

    beforeAll(async () => {
      const steps: Step[] = [
        { how: 'fetch', only: ['plain', 'nothing', 'empty', 'twice'] },
        ...DAMAGE.map(([, damage]): Step => ({ how: 'damaged', only: ['plain'], damage })),
      ];
      const [first, ...others] = await there.runEach<CarryResult>('carry', steps.map(inputOf));
      again = first?.result;
      for (const [index, [what]] of DAMAGE.entries()) damaged.set(what, others[index]?.result);
    });

    it('are found, also for a task without output files', () => {
      expect(again?.from).toEqual({ plain: 'local', nothing: 'local', empty: 'local', twice: 'local' });
    });

    it.each(DAMAGE)('are fetched again when %s is gone and only the database has it', (what) => {
      const found = damaged.get(what);
      expect(found?.from).toEqual({ 'plain, looked up': 'miss', plain: 'remote' });
      expect(found && untrue({ ...found, from: { plain: 'remote' } })).toEqual([]);
    });
  });

  it('are a miss when no remote cache has them either', async () => {
    server.artifacts.clear();

    const found = await carry(there, { how: 'damaged', only: ['plain'] });

    expect(found.from).toEqual({ 'plain, looked up': 'miss', plain: 'miss' });
  });
});
