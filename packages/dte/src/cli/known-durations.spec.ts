import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveConfig } from '@org/dte-config';
import { readGitlabJob } from '@org/dte-gitlab';
import { type DurationsContext, keepDurations, knownDurations, seedDurations } from './known-durations';

const task = { project: 'app', target: 'build', configuration: null };
/** As `FileDurationHistory` writes it. */
const line = (runMs: number, atMs = Date.now()): string =>
  `[1,"app","build",null,"",3,${Math.log(runMs).toFixed(4)},0,${runMs},null,null,0,${atMs}]\n`;

describe('the durations of a project, on the disk of a job', () => {
  let workspaceRoot: string;
  let server: Server;
  let artifact: string | null;

  beforeEach(async () => {
    workspaceRoot = mkdtempSync(join(tmpdir(), 'dte-known-'));
    artifact = null;
    server = createServer((_, response) => {
      response.writeHead(artifact === null ? 404 : 200).end(artifact ?? '');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    rmSync(workspaceRoot, { recursive: true });
    await new Promise((resolve) => server.close(resolve));
  });

  function context(env: Record<string, string> = {}): DurationsContext {
    const ci = {
      CI_API_V4_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v4`,
      CI_PROJECT_ID: '42',
      CI_PIPELINE_ID: '7',
      CI_JOB_TOKEN: 'a-token',
      CI_JOB_NAME: 'nx',
      CI_DEFAULT_BRANCH: 'main',
      CI_PROJECT_DIR: workspaceRoot,
      ...env,
    };
    return {
      resolved: resolveConfig({ env: ci, nxJson: {} }),
      workspaceRoot,
      surroundings: { job: readGitlabJob(ci), authorities: [], cliPath: '' },
    };
  }
  const historyFile = (project = '42'): string => {
    const folder = join(workspaceRoot, '.nx', 'dte', 'history');
    mkdirSync(folder, { recursive: true });
    return join(folder, `${project}.durations.jsonl`);
  };
  const knownMs = async (): Promise<number | undefined> =>
    (await knownDurations(context()))?.of(task, null)?.ms;

  it('are what a coordinator has written; without its file, nothing is known', async () => {
    expect(await knownMs()).toBeUndefined();
    writeFileSync(historyFile(), line(5_000));
    expect(await knownMs()).toBe(5_000);
    expect((await knownDurations(context()))?.results).toBe(3);
  });

  it('are kept with the report, if there is one', () => {
    writeFileSync(historyFile(), line(5_000, 1));
    keepDurations(context());
    const report = join(workspaceRoot, '.nx', 'dte', 'report');
    mkdirSync(report);
    keepDurations(context());
    expect(readFileSync(join(report, 'durations.jsonl'), 'utf8')).toBe(line(5_000, 1));
  });

  it('come from the last pipeline of the default branch if nothing is known here', async () => {
    artifact = line(8_000);
    await seedDurations(context());
    expect(await knownMs()).toBe(8_000);
    artifact = line(9_000);
    await seedDurations(context());
    expect(await knownMs()).toBe(8_000);
  });

  it('stay unknown if GitLab does not give them, and survive an artifact that makes no sense', async () => {
    await seedDurations(context());
    expect(await knownMs()).toBeUndefined();
    artifact = '<html>Sign in</html>';
    await seedDurations(context());
    expect(await knownMs()).toBeUndefined();
    writeFileSync(historyFile(), line(5_000), { flag: 'a' });
    expect(await knownMs()).toBe(5_000);
  });
});
