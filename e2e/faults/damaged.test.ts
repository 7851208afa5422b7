import { Pipeline, sampleCommand, type Fleet, waitFor } from '@org/dte-testing';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expectExit } from '../support/expect-exit';
import { plain, ranOn } from '../support/log';
import { sampleFleet } from '../support/sample-fleet';

/** Some 170 kB of reproducible, incompressible data: any byte of the artifact is one of them. */
const bytesOf = (seed: string): string =>
  `require('crypto').createHash('sha256').update('${seed}'+i).digest('base64')`;
const writing = (id: string, file: string): string => {
  const folder = file.slice(0, file.lastIndexOf('/'));
  const script = [
    `const fs=require('fs');let text='';for(let i=0;i<4000;i++)text+=${bytesOf(id)};`,
    `fs.mkdirSync('${folder}',{recursive:true});fs.writeFileSync('${file}',text)`,
  ].join('');
  return `node -e "${script}" && ${sampleCommand(id)}`;
};

/** The output of this script. */
const writtenBy = (id: string): string => {
  const digest = (i: number): string => createHash('sha256').update(`${id}${i}`).digest('base64');
  return Array.from({ length: 4_000 }, (_, i) => digest(i)).join('');
};

const DIST = '{workspaceRoot}/dist/{projectRoot}';
const MADE = 'dist/libs/lib/made.txt';
const GEN = 'dist/libs/plain/gen.txt';
const [USED, LAST] = ['dist/apps/app/used.txt', 'dist/apps/last/last.txt'];
const PROJECTS = {
  lib: {
    root: 'libs/lib',
    targets: { make: { cache: true, command: writing('lib:make', MADE), outputs: [DIST] } },
  },
  app: {
    root: 'apps/app',
    dependsOn: ['lib'],
    targets: {
      make: {
        cache: true,
        dependsOn: ['^make'],
        command: sampleCommand('app:make', { needs: MADE, writes: USED }),
        outputs: [DIST],
      },
    },
  },
  plain: {
    root: 'libs/plain',
    targets: { gen: { cache: false, command: writing('plain:gen', GEN), outputs: [DIST] } },
  },
  gate: {
    root: 'libs/gate',
    targets: { hold: { cache: false, command: sampleCommand('gate:hold', { until: 'go' }) } },
  },
  last: {
    root: 'apps/last',
    targets: {
      join: {
        cache: false,
        dependsOn: [
          { projects: ['plain'], target: 'gen' },
          { projects: ['gate'], target: 'hold' },
        ],
        command: sampleCommand('last:join', { needs: GEN, writes: LAST }),
        outputs: [DIST],
      },
    },
  },
};

// Nx 20 has its own cache readers, 22 is the first that requests many tasks at once, 24 the first that inspects what it gets.
describe.each(['20.8.4', '22.7.12', '24.0.6'])('an artifact that is damaged on the disk, nx %s', (nx) => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeAll(async () => {
    fleet = sampleFleet({ nx, projects: PROJECTS });
    pipeline = await Pipeline.start(fleet, 2, { DTE_HEARTBEAT_MS: '500', DTE_LEASE_MS: '6000' });
  });
  afterAll(async () => {
    await pipeline.complete();
    expect(await fleet.close()).toEqual([]);
  });
  beforeEach(() => fleet.clearJournal());

  const stored = (kind: string): string[] => {
    const data = join(pipeline.main.workspace, '.nx', 'dte');
    const all = readdirSync(data, { recursive: true, encoding: 'utf8' }).map((path) => join(data, path));
    return all.filter(
      (path) => basename(dirname(path)) === 'artifacts' && basename(path).startsWith(`${kind}-`),
    );
  };
  /** One byte in the middle. */
  const damage = (kind: string): void => {
    for (const path of stored(kind)) {
      const content = readFileSync(path);
      const at = content.length >> 1;
      content[at] = (content[at] ?? 0) ^ 0x10;
      writeFileSync(path, content);
    }
  };
  /** Like a new main job: nothing in a cache, nothing on the disk. */
  const afresh = (name: string): Record<string, string> => {
    rmSync(join(pipeline.main.workspace, 'dist'), { recursive: true, force: true });
    return {
      NX_CACHE_DIRECTORY: join(fleet.folder, `${name}-cache`),
      NX_WORKSPACE_DATA_DIRECTORY: join(fleet.folder, `${name}-data`),
    };
  };
  const damagesTold = (output: string): string[] =>
    plain(output).match(/The (?:artifact|cached outputs|outputs) .* is damaged: /g) ?? [];

  it('is a miss: reported, removed, and its task runs again in the same command; no cache has the damage', async () => {
    const make = ['run-many', '-t', 'make', '--output-style=static'];
    expectExit(await pipeline.nx(make), 0, pipeline);
    const good = [MADE, USED].map((path) => pipeline.main.read(path));
    expect(stored('cache')).toHaveLength(2);
    damage('cache');
    fleet.clearJournal();

    const env = afresh('damaged');
    const exit = await pipeline.nx(make, { env });

    expectExit(exit, 0, pipeline);
    expect([MADE, USED].map((path) => pipeline.main.read(path))).toEqual(good);
    expect(ranOn(fleet.journal())).toEqual({ 'lib:make': ['main'], 'app:make': ['main'] });
    expect(damagesTold(exit.output)).toHaveLength(2);
    expect(plain(exit.output)).toContain('DTE_ARTIFACT_DAMAGED');
    expect(pipeline.coordinatorLog.match(/was damaged; it is removed/g)).toHaveLength(2);

    // The entries in this machine's cache, and what the coordinator received instead.
    for (const again of [env, afresh('replaced')]) {
      fleet.clearJournal();
      rmSync(join(pipeline.main.workspace, 'dist'), { recursive: true, force: true });
      expectExit(await pipeline.nx(make, { env: again }), 0, pipeline);
      expect(fleet.journal()).toEqual([]);
      expect([MADE, USED].map((path) => pipeline.main.read(path))).toEqual(good);
    }
  });

  it('if it was not downloaded: the terminal output is available separately, and `dte outputs` restores nothing', async () => {
    const env = { ...afresh('left'), DTE_RESTORE_OUTPUTS: 'none' };
    const make = ['run', 'lib:make', '--skip-nx-cache', '--output-style=static'];
    expectExit(await pipeline.nx(make, { env }), 0, pipeline);
    expect(pipeline.main.exists(MADE)).toBe(false);
    damage('attempt');
    const outputs = await pipeline.dte(['outputs', 'lib:make']);
    expect(outputs.code).toBe(1);
    expect(plain(outputs.output)).toContain('DTE_ARTIFACT_DAMAGED');
    expect(pipeline.main.exists(MADE)).toBe(false);
  });

  it('while its run continues: no task uses it', async () => {
    const env = afresh('running');
    const main = pipeline.startNx(['run', 'last:join', '--parallel=1', '--output-style=static'], { env });
    const lastState = (): string => `${main.describe()}\n${pipeline.describe()}`;
    // The complete file: it is visible under its name while it is being written.
    const good = writtenBy('plain:gen');
    const isHere = (): boolean => pipeline.main.exists(GEN) && pipeline.main.read(GEN) === good;
    await waitFor('the outputs of plain:gen', isHere, { lastState });
    damage('attempt');
    // The agent that has them on its disk leaves; the other must download them.
    const [maker = ''] = ranOn(fleet.journal())['plain:gen'] ?? [];
    pipeline.agent(maker).process.signal('SIGKILL');
    fleet.open('go');

    const exit = await main.end();

    expectExit(exit, 0, pipeline);
    expect(pipeline.main.read(GEN)).toBe(good);
    expect(pipeline.main.read(LAST)).toBe(`last:join\n${good}`);
    expect(ranOn(fleet.journal())['last:join']).toEqual(['main']);
    expect(damagesTold(exit.output).length).toBeGreaterThan(0);
  });
});
