import { rendezvousRecordSchema, type RendezvousRecord } from '@org/dte-protocol';
import { isRunning, type RunningProcess, waitFor } from '@org/dte-testing';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CliWorld } from './cli-world';

// Every command is a separate process, on two cores that the other tests also use.
jest.setTimeout(120_000);

describe('a main job without agents', () => {
  let world: CliWorld;
  const record = (): RendezvousRecord =>
    rendezvousRecordSchema.parse(JSON.parse(readFileSync(join(world.rendezvousDir, 'cli.json'), 'utf8')));
  /** An agent that started before its main job, and has printed that it waits. */
  const waitingAgent = async (): Promise<RunningProcess> => {
    const agent = world.start(['start-agent', '--slots=1'], { DTE_WAIT_NOTE_MS: '100' });
    await agent.waitForOutput('session cli · waiting for its main job to start a coordinator');
    await agent.waitForOutput(
      /waiting for its main job to start a coordinator, for .* now; leaves after 30 min/,
    );
    return agent;
  };

  beforeEach(() => {
    world = new CliWorld();
    world.useRealNx();
    Object.assign(world.env, { DTE_RENDEZVOUS_DIR: world.rendezvousDir, CI_JOB_ID: '42', CI_JOB_NAME: 'nx' });
  });
  afterEach(() => world.close());

  it('because its coordinator is too slow prints the fix, and informs its agents', async () => {
    const agent = await waitingAgent();

    const started = await world.run(['start-ci-run'], {
      DTE_COORDINATOR_START_MS: '20',
      DTE_PROGRESS_MS: '5',
    });

    expect(started.code).toBe(0);
    expect(started.output).toMatch(/^dte: the coordinator of this job is still starting/m);
    expect(started.output).toMatch(
      /was not ready within 0.02 s[^]*DTE_COORDINATOR_START_MS[^]*DTE_COORDINATOR_SLOW/,
    );
    expect(started.stdout).toMatch(/run undistributed, and its agents are released\n$/);
    const { code, output } = await agent.end();
    expect(code).toBe(0);
    expect(output).toMatch(
      /session cli is finished; its main job works without agents: .*DTE_COORDINATOR_SLOW/,
    );
  });

  it('because its coordinator cannot start at all informs its agents as well', async () => {
    const agent = await waitingAgent();
    // A file in place of its data folder.
    world.write('taken', '');
    const { code } = await world.run(['start-ci-run', '--data-dir', 'taken']);
    expect(code).toBe(1);
    expect((await agent.end()).code).toBe(0);
    expect(record()).toMatchObject({ state: 'finished', jobId: '42' });
  });

  it('that never had a coordinator informs its agents when it completes', async () => {
    const agent = await waitingAgent();
    const { code, stdout } = await world.run(['complete-ci-run']);
    expect([code, stdout]).toEqual([0, 'dte: session cli has no coordinator; agents are released\n']);
    const { output, ...exit } = await agent.end();
    expect(exit.code).toBe(0);
    expect(output).toContain('session cli is finished; its main job is over');
  });

  it('reopens its session when start-ci-run runs again', async () => {
    await world.run(['complete-ci-run']);
    expect(record().state).toBe('finished');
    expect((await world.run(['start-ci-run'])).code).toBe(0);
    expect(record().state).toBeUndefined();
    const pid = world.coordinatorPid();
    process.kill(pid, 'SIGTERM');
    await waitFor('the coordinator to leave', () => !isRunning(pid));
  });
});
