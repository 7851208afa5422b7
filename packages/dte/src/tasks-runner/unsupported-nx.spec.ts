import { inspectSeam, type NxRunnerContext, type NxTask } from '@org/dte-nx-compat';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seamFindings } from '../doctor/seam-findings';
import { readIdentity } from '@org/dte-runner';
import { runHereWithNx } from './default-runner';
import { distributeHere } from './distribute-here';

describe.each(['20.7.2', '25.0.0'])('a workspace with nx %s', (version) => {
  let root: string;
  const { NX_WORKSPACE_ROOT_PATH: before } = process.env;

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'dte-unsupported-')));
    const nx = join(root, 'node_modules', 'nx');
    mkdirSync(join(nx, 'tasks-runners'), { recursive: true });
    writeFileSync(join(root, 'nx.json'), '{}');
    writeFileSync(join(nx, 'package.json'), JSON.stringify({ name: 'nx', version }));
    writeFileSync(
      join(nx, 'tasks-runners', 'default.js'),
      'exports.default = (tasks) => Promise.resolve(Object.fromEntries(tasks.map(({ id }) => [id, "success"])));',
    );
    process.env['NX_WORKSPACE_ROOT_PATH'] = root;
    process.env['DTE_RENDEZVOUS_DIR'] = join(root, 'rendezvous');
  });

  afterEach(() => {
    if (before === undefined) delete process.env['NX_WORKSPACE_ROOT_PATH'];
    else process.env['NX_WORKSPACE_ROOT_PATH'] = before;
    delete process.env['DTE_RENDEZVOUS_DIR'];
    rmSync(root, { recursive: true });
  });

  it('runs its command undistributed, with one error that names the version and the code', async () => {
    const said: string[] = [];
    const voice = {
      line: (text: string) => void said.push(text),
      progress: (text: string) => void said.push(text),
      follows: () => undefined,
      explain: (error: Error & { code: string }) => void said.push(`${error.code} ${error.message}`),
    };
    const tasks = [{ id: 'app:build' } as NxTask];

    const options = { lifeCycle: {} };
    const context = { nxJson: {} } as NxRunnerContext;
    const runUndistributed = () => runHereWithNx(tasks, options, context);
    const statuses = await distributeHere({ tasks, options, context, runUndistributed, voice });

    expect(statuses).toEqual({ 'app:build': 'success' });
    expect(said).toEqual([
      `DTE_NX_UNSUPPORTED This workspace has nx ${version}, which is not supported; supported versions are 20.8 to 24.`,
      'dte: this command runs undistributed',
    ]);
  });

  it('is rejected as an agent, and by the doctor', async () => {
    await expect(readIdentity(root)).rejects.toMatchObject({ code: 'DTE_NX_UNSUPPORTED' });
    const findings = seamFindings(inspectSeam(root, {}), '0.1.0');
    expect(findings).toMatchObject([
      { level: 'ok', text: `nx ${version}` },
      { level: 'stop', text: 'this version of nx is not supported' },
    ]);
  });
});
