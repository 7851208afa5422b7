import { packAttempt } from '@org/dte-client';
import { readLimits } from '@org/dte-protocol';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { AttemptKeeper } from './attempt-keeper';

const { limits } = readLimits({});

describe('AttemptKeeper', () => {
  let workspace: string;
  let agent: string;

  beforeEach(() => {
    workspace = mkdtempSync(join(tmpdir(), 'dte-keeper-'));
    agent = mkdtempSync(join(tmpdir(), 'dte-keeper-agent-'));
  });
  afterEach(() => {
    rmSync(workspace, { recursive: true });
    rmSync(agent, { recursive: true });
  });

  function keeper(outputs: string[]): AttemptKeeper {
    const list = () => Promise.resolve({ entries: [], through: [], roots: outputs });
    const port = { list, remove: () => undefined, covers: () => () => true };
    const getAttempt = (_runId: string, taskId: string, attempt: number) =>
      Promise.resolve(
        attempt === 9
          ? Readable.from([Buffer.from('no archive')])
          : packAttempt({
              workspaceRoot: agent,
              outputs,
              port,
              limits,
              terminalOutput: `${taskId} said no\n`,
              meta: { taskId, hash: '1', code: 1, status: 'failure' },
            }),
      );
    return new AttemptKeeper({
      http: { getAttempt },
      dataDir: join(workspace, '.nx/dte'),
      workspaceRoot: workspace,
      runId: 'r1',
      limits,
    });
  }

  it('keeps output and files of an attempt, outside of the files of the workspace', async () => {
    mkdirSync(join(agent, 'dist/videos'), { recursive: true });
    writeFileSync(join(agent, 'dist/videos/cart.mp4'), 'film');
    const kept = await keeper(['dist']).keep('app:e2e-ci--src/cart.cy.ts', 2);

    const folder = '.nx/dte/attempts/r1/app_e2e-ci--src_cart.cy.ts/2';
    expect(kept).toEqual({
      terminalOutput: 'app:e2e-ci--src/cart.cy.ts said no\n',
      path: `${folder}/terminal-output.txt`,
    });
    expect(readFileSync(join(workspace, kept.path), 'utf8')).toBe(kept.terminalOutput);
    expect(readFileSync(join(workspace, folder, 'files/dist/videos/cart.mp4'), 'utf8')).toBe('film');
    expect(existsSync(join(workspace, 'dist'))).toBe(false);
    // Neither git nor a hash includes it.
    expect(readFileSync(join(workspace, '.nx/dte/.gitignore'), 'utf8')).toBe('*\n');
  });

  it('separates tasks with similar names', async () => {
    const all = keeper([]);
    const paths = [await all.keep('a:b', 1), await all.keep('a/b', 1), await all.keep('a:b', 2)];
    expect(paths.map(({ path }) => path.replace('.nx/dte/attempts/r1/', ''))).toEqual([
      'a_b/1/terminal-output.txt',
      'a_b-2/1/terminal-output.txt',
      'a_b/2/terminal-output.txt',
    ]);
    expect(existsSync(join(workspace, '.nx/dte/attempts/r1/a_b/1/files'))).toBe(false);
  });

  it('leaves nothing of an attempt that cannot be read', async () => {
    await expect(keeper([]).keep('a:b', 9)).rejects.toMatchObject({ code: 'DTE_ARTIFACT_INCOMPLETE' });
    expect(existsSync(join(workspace, '.nx/dte/attempts/r1/a_b/9'))).toBe(false);
  });

  it('removes only old attempts', async () => {
    for (const [runId, ageMs] of [
      ['old', limits.flakyMs + 60_000],
      ['recent', 60_000],
    ] as const) {
      const path = join(workspace, '.nx/dte/attempts', runId);
      mkdirSync(path, { recursive: true });
      const time = (Date.now() - ageMs) / 1000;
      utimesSync(path, time, time);
    }
    await keeper([]).keep('a:b', 1);
    expect(existsSync(join(workspace, '.nx/dte/attempts/old'))).toBe(false);
    expect(existsSync(join(workspace, '.nx/dte/attempts/recent'))).toBe(true);
  });
});
