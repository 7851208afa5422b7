import {
  type Difference,
  Fleet,
  install,
  type ParityBench,
  sampleFiles,
  sampleNxJson,
} from '@org/dte-testing';
import { completeAndClose } from '../support/close';
import { expectExit } from '../support/expect-exit';
import { plain } from '../support/log';
import { LIGHT_NX } from '../support/light-nx';
import { expectParity, openParity, PARITY_VERSIONS } from '../support/parity';
import { FAILURE_FILES, FAILURE_PROJECTS, PRINTED_MB } from './workspaces/failures';

/** Plain Nx sometimes loses the output of a command that ends immediately; this command cannot be made to wait. */
const lostByPlainNx = ({ task, aspect, distributed }: Difference): boolean =>
  task === 'missing:fail' && aspect === 'terminal output' && distributed.includes('not found');

describe.each(PARITY_VERSIONS)('failures, nx %s', (nx) => {
  let fleet: Fleet;
  let bench: ParityBench;

  beforeAll(async () => {
    const nxJson = sampleNxJson({ plugin: false });
    fleet = Fleet.create({
      install: install({ nx }),
      env: LIGHT_NX,
      files: { ...sampleFiles(FAILURE_PROJECTS, nxJson), ...FAILURE_FILES },
    });
    bench = await openParity(fleet, { dteEnv: { SIDE: 'distributed' } });
  });
  afterAll(async () => {
    await completeAndClose(bench.pipeline, fleet);
  });

  it('of every kind end as on one machine, with their output and their files', async () => {
    const command = ['run-many', '-t', 'fail', '--parallel=2'];
    expectParity(await bench.compare(command, { ignore: lostByPlainNx }));
  });

  it('that Nx caches (NX_CACHE_FAILURES) are replayed as on one machine', async () => {
    const report = await bench.compare(['run-many', '-t', 'fail', '--parallel=2'], {
      env: { NX_CACHE_FAILURES: 'true' },
      ignore: lostByPlainNx,
    });
    expectParity(report);
  });

  it('that happen only once succeed the second time', async () => {
    const report = await bench.compare(['run', 'once:once']);

    expectParity(report);
    expect(report.rounds.map(({ distributed }) => distributed.exitCode)).toEqual([1, 0]);
  });

  it('stop everything with --nxBail as on one machine', async () => {
    const report = await bench.compare(['run-many', '-t', 'bail', '--parallel=2', '--nxBail'], {
      rounds: ['cold'],
      // The output of a stopped task stays on its agent.
      ignore: ({ task, aspect }) => task === 'bail-slow:bail' && aspect === 'terminal output',
    });

    expectParity(report);
    // 22 and 23 stop running tasks after a failure; the others wait for them.
    const status = /^2[23]\./.test(nx) ? 'stopped' : 'success';
    expect(report.rounds[0]!.distributed.tasks['bail-slow:bail']).toMatchObject({ status });
  });

  it('tasks that print a lot, bytes or nothing have the same output', async () => {
    const report = await bench.compare(['run-many', '-t', 'print', '--parallel=2'], { rounds: ['cold'] });

    expectParity(report);
    const { terminalOutput } = report.rounds[0]!.distributed.tasks['lots:print']!;
    expect(terminalOutput.length).toBeGreaterThanOrEqual(PRINTED_MB * 1024 * 1024);
  });

  it('a task that hangs is stopped with all its child processes at its timeout, and reports it', async () => {
    const exit = await bench.pipeline.nx(['run', 'hang:hang'], {
      env: { DTE_TASK_TIMEOUT_MS: '{"hang":1500,"*":60000}' },
    });

    expectExit(exit, 1, bench.pipeline);
    const output = plain(exit.output);
    expect(output).toContain('hangs\n');
    expect(output).toMatch(
      /hang:hang ran on agent-\d for longer than 1500 ms \(option taskTimeoutMs\) and was stopped together with its child processes\.\n {2}What to do: .*\n {2}Code: DTE_TASK_TIMEOUT/,
    );
    expect(
      fleet.runningProcesses().filter(({ command }) => command.includes('setInterval(() => {}, 1e6)')),
    ).toEqual([]);
  });
});
