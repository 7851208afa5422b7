import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { Pipeline, sampleCommand, type Fleet } from '@org/dte-testing';
import { completeAndClose } from '../support/close';
import { expectExit } from '../support/expect-exit';
import { plain, ranOn } from '../support/log';
import { sampleFleet } from '../support/sample-fleet';

const SECRET = 'tr0ub4dor-and-3';
const OUTPUTS = ['{workspaceRoot}/dist/{projectRoot}'];

/** A project whose task has inputs of one kind; it writes a digest of STAGE, as a task that uses a secret may do. */
const project = (name: string, inputs: unknown[]) => {
  const file = `dist/libs/${name}/out.txt`;
  const digest = `node -e "const c=require('crypto');require('fs').appendFileSync('${file}',c.createHash('sha256').update(process.env.STAGE||'').digest('hex'))"`;
  const command = `${sampleCommand(`${name}:check`, { writes: file })} && ${digest}`;
  return {
    root: `libs/${name}`,
    targets: {
      check: { cache: true, inputs: ['{projectRoot}/**/*', ...inputs], outputs: OUTPUTS, command },
    },
  };
};

const PROJECTS = {
  envy: project('envy', [{ env: 'STAGE' }]),
  tool: project('tool', [{ runtime: 'node -p process.env.TOOL_VERSION' }]),
  filed: project('filed', []),
  same: project('same', []),
};
const CHECK = ['run-many', '-t', 'check', '--output-style=static'];

describe('an agent whose environment, tools and files differ from the main job', () => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeAll(async () => {
    fleet = sampleFleet({ projects: PROJECTS });
    pipeline = new Pipeline(fleet, fleet.machine('main', { env: { TOOL_VERSION: '1' } }));
    await pipeline.startCiRun();
    const machine = fleet.machine('agent-1', { env: { TOOL_VERSION: '2', STAGE: 'of the agent' } });
    machine.write('libs/filed/generated.txt', 'made here\n');
    pipeline.startAgent('agent-1', {}, machine);
  });

  afterAll(async () => {
    await completeAndClose(pipeline, fleet);
  });

  beforeEach(() => {
    fleet.clearJournal();
  });

  it('tasks with a different hash fail without running anywhere, and report what differs', async () => {
    const exit = await pipeline.nx(CHECK);

    expectExit(exit, 1, pipeline);
    expect(ranOn(fleet.journal())).toEqual({ 'same:check': ['agent-1'] });
    const output = plain(exit.output);
    for (const words of [
      /envy:check has another hash on agent-1 \(\d+\) than on the main job \(\d+\)\. It did not run\./,
      'environment variable STAGE: set on the agent, not set on the main job',
      'runtime input `node -p process.env.TOOL_VERSION`: "2" on the agent, "1" on the main job',
      'file libs/filed/generated.txt: only on the agent',
      'list it in the option forwardEnv',
      'Code: DTE_HASH_MISMATCH (docs/reference/errors.md)',
    ])
      expect(output).toMatch(words);
  });

  it('with a warning they run there, stored under the hash that they have there', async () => {
    const exit = await pipeline.nx(CHECK, { env: { DTE_ON_HASH_MISMATCH: 'warn' } });

    expectExit(exit, 0, pipeline);
    const { 'same:check': _cached, ...ran } = ranOn(fleet.journal());
    expect(ran).toEqual({ 'envy:check': ['agent-1'], 'tool:check': ['agent-1'], 'filed:check': ['agent-1'] });
    expect(plain(exit.output)).toMatch(/It ran there anyway/);
    expect(pipeline.main.read('dist/libs/filed/out.txt')).toMatch(/^filed:check\n/);
  });

  it('which no other machine looks up: the main job runs them when configured', async () => {
    const exit = await pipeline.nx(CHECK, { env: { DTE_ON_HASH_MISMATCH: 'run-on-main' } });

    expectExit(exit, 0, pipeline);
    expect(ranOn(fleet.journal())).toEqual({
      'envy:check': ['main'],
      'tool:check': ['main'],
      'filed:check': ['main'],
    });
    expect(plain(exit.output)).toMatch(/The main job runs it itself/);
  });

  it('forwarded variables make hashes equal, and their values are not written anywhere', async () => {
    const exit = await pipeline.nx([...CHECK, '-p', 'envy,tool', '--skip-nx-cache', '--verbose'], {
      env: { DTE_FORWARD_ENV: 'STAGE,TOOL_VERSION', STAGE: SECRET },
    });

    expectExit(exit, 0, pipeline);
    expect(ranOn(fleet.journal())).toEqual({ 'envy:check': ['agent-1'], 'tool:check': ['agent-1'] });
    const digest = createHash('sha256').update(SECRET).digest('hex');
    expect(pipeline.main.read('dist/libs/envy/out.txt')).toBe(`envy:check\n${digest}`);
    expect(exit.output).not.toContain(SECRET);
    expect(pipeline.describe()).not.toContain(SECRET);
    // Journal, data, caches, databases, homes and temporary folders of all machines.
    const search = (text: string): string =>
      execFileSync(
        'sh',
        ['-c', 'grep -rlaF --exclude-dir=node_modules -e "$1" "$2" || true', 'sh', text, fleet.folder],
        {
          encoding: 'utf8',
        },
      );
    expect(search(SECRET)).toBe('');
    expect(search(digest)).toContain('agent-1');
  });

  it('a forwarded variable that is not set on the main job is not set on the agent', async () => {
    const exit = await pipeline.nx([...CHECK, '-p', 'envy', '--skip-nx-cache'], {
      env: { DTE_FORWARD_ENV: 'STAGE' },
    });

    expectExit(exit, 0, pipeline);
    expect(pipeline.main.read('dist/libs/envy/out.txt')).toContain(createHash('sha256').digest('hex'));
  });
});
