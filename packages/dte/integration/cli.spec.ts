import { createCoordinator, type Coordinator } from '@org/dte-coordinator';
import { sessionStatusSchema, type SessionStatus } from '@org/dte-protocol';
import { isRunning, waitFor } from '@org/dte-testing';
import { join } from 'node:path';
import { CliWorld } from './cli-world';

// Every command is a separate process, on two cores that the other tests also use.
jest.setTimeout(120_000);

describe('dte, with a running coordinator', () => {
  let world: CliWorld;
  let coordinator: Coordinator;
  const status = async (): Promise<SessionStatus> =>
    sessionStatusSchema.parse(JSON.parse((await world.run(['status', '--json'])).stdout));

  beforeEach(async () => {
    world = new CliWorld();
    coordinator = await createCoordinator({ dataDir: join(world.root, 'data') });
    world.env['DTE_COORDINATOR_URL'] = coordinator.url;
  });
  afterEach(async () => {
    await coordinator.close();
    await world.close();
  });

  it('start-ci-run prints session and address in one line, and can run again with other settings', async () => {
    const first = await world.run([
      'start-ci-run',
      '--distribute-on=manual',
      '--stop-agents-after=e2e-ci,lint',
    ]);
    expect(first).toMatchObject({
      code: 0,
      stdout: `dte: session cli · coordinator ${coordinator.url} · agents stay until e2e-ci, lint\n`,
      stderr: '',
    });
    const second = await world.run([
      'start-ci-run',
      '--stop-agents-on-failure',
      '--require-explicit-completion',
    ]);
    expect(second.code).toBe(0);
    expect((await status()).settings).toEqual({
      stopAgentsAfter: [],
      stopAgentsOnFailure: true,
      requireExplicitCompletion: true,
      releaseEarly: true,
    });
  });

  it('record passes output and exit code through and stores them with the session', async () => {
    const script = 'console.log("checked"); console.error("badly"); process.exit(3)';
    const recorded = await world.run(['record', '--', 'node', '-e', script]);
    expect(recorded).toMatchObject({ code: 3, stdout: 'checked\n', stderr: 'badly\n' });
    expect((await status()).records).toEqual([
      expect.objectContaining({ exitCode: 3, command: expect.stringContaining('node -e') as string }),
    ]);
  });

  it.each(['complete-ci-run', 'stop-all-agents'])('%s finishes a session without runs', async (name) => {
    await world.run(['start-ci-run', '--require-explicit-completion']);
    expect((await world.run([name])).code).toBe(0);
    expect((await status()).state).toBe('finished');
  });

  it('status prints a table', async () => {
    await world.run(['start-ci-run']);
    const { stdout } = await world.run(['status']);
    expect(stdout).toMatch(/^session cli · open\n\nno agents yet\n/);
  });

  it('refuses to use a coordinator that cannot prove the secret', async () => {
    const { code, stderr } = await world.run(['start-ci-run'], { DTE_SECRET: 'mine' });
    expect(code).toBe(1);
    expect(stderr).toContain('DTE_BAD_SECRET');
  });

  it('an agent without work exits with code 0 when the session is completed', async () => {
    // On a slow machine, the agent would first find out that it can start no executor.
    world.useRealNx();
    await world.run(['start-ci-run', '--require-explicit-completion']);
    const agent = world.start(['start-agent', '--name', 'idle', '--slots', '2', '--labels', 'a,b']);
    await waitFor('the agent to join', async () =>
      (await status()).agents.some(({ connected }) => connected),
    );
    await world.run(['complete-ci-run']);
    expect((await agent.end()).code).toBe(0);
  });
});

describe('dte, without a coordinator', () => {
  let world: CliWorld;
  beforeEach(() => (world = new CliWorld()));
  afterEach(() => world.close());

  it('record runs the command anyway, and prints nothing of ours', async () => {
    expect(await world.run(['record', '--', 'echo', 'hello'])).toMatchObject({
      code: 0,
      stdout: 'hello\n',
      stderr: '',
    });
  });

  it('record keeps the exit code if the session cannot be reached', async () => {
    const env = { DTE_COORDINATOR_URL: 'http://127.0.0.1:9', DTE_CONNECT_TIMEOUT_MS: '300' };
    const { code, stderr } = await world.run(['record', '--', 'node', '-e', 'process.exit(5)'], env);
    expect(code).toBe(5);
    expect(stderr).toMatch(/^dte: the output was not stored: /);
  });

  it('record reports a command that could not be started, with the exit code of a shell', async () => {
    const { code, stderr } = await world.run(['record', '--', 'no-such-command']);
    expect(code).toBe(127);
    expect(stderr).toContain('no-such-command could not be started');
  });

  it('record forwards signals and exits with the code of the signal', async () => {
    const script = 'console.log("up"); setInterval(() => undefined, 1000)';
    const recorded = world.start(['record', '--', 'node', '-e', script]);
    await recorded.waitForOutput('up');
    process.kill(recorded.pid, 'SIGTERM');
    expect((await recorded.end()).code).toBe(143);
  });

  it.each([
    [['start-ci-run'], /DTE_RENDEZVOUS_DIR/],
    [['start-ci-run', '--distribute-on', '3 linux-medium-js'], /start-agent.*--distribute-on=manual/],
    [['start-ci-run', '--with-env-vars=A'], /unknown option.*\n.*DTE_FORWARD_ENV/],
    [['fix-ci'], /unknown command.*\n.*remove the command/],
    [['start-agent', '--slots', 'many'], /slots has "many" from --slots: expected a whole number/],
    [['coordinator', '--host', '0.0.0.0'], /DTE_SECRET_REQUIRED/],
    [['complete-ci-run'], /What to do: /],
  ])('%j ends with code 1 and says what to do', async (args, message) => {
    const { code, stderr } = await world.run(args);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });

  it.each([[['--help']], [['help', 'record']], [['start-agent', '--help']], [['--version']]])(
    '%j ends with code 0',
    async (args) => {
      expect(await world.run(args)).toMatchObject({ code: 0, stderr: '' });
    },
  );

  it('doctor finds what stops distribution, with a fix for each, and exits with code 1', async () => {
    world.useRealNx();
    world.env['CI'] = 'true';
    const { code, stdout } = await world.run(['doctor', '--json']);
    const findings = JSON.parse(stdout) as { level: string; text: string; cure?: string }[];
    const stops = findings.filter(({ level }) => level === 'stop');
    expect(code).toBe(1);
    expect(stops.map(({ text }) => text)).toEqual([
      'nx.json does not name @org/dte as the tasks runner',
      'no coordinator is configured: every command runs undistributed',
    ]);
    expect(stops.every(({ cure }) => cure)).toBe(true);
  });
});

describe('dte, with a folder as rendezvous', () => {
  let world: CliWorld;
  beforeEach(() => {
    world = new CliWorld();
    world.env['DTE_RENDEZVOUS_DIR'] = world.rendezvousDir;
  });
  afterEach(() => world.close());

  it('starts one coordinator for any number of concurrent commands, and it outlives them', async () => {
    const runs = await Promise.all(Array.from({ length: 5 }, () => world.run(['start-ci-run'])));
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
    expect(new Set(runs.map(({ stdout }) => stdout)).size).toBe(1);
    expect(world.coordinatorPids()).toHaveLength(1);
    expect((await world.run(['status'])).code).toBe(0);
  });

  it('starts another one if the published one is gone', async () => {
    await world.run(['start-ci-run']);
    const first = world.coordinatorPid();
    process.kill(first, 'SIGKILL');
    expect((await world.run(['start-ci-run'])).code).toBe(0);
    expect(world.coordinatorPids()).toHaveLength(2);
  });

  it('removes its address when it exits', async () => {
    await world.run(['start-ci-run']);
    const pid = world.coordinatorPid();
    process.kill(pid, 'SIGTERM');
    const { code, stderr } = await waitFor('the address to be gone', async () => {
      const answer = await world.run(['status']);
      return answer.stderr.includes('published its address') && answer;
    });
    expect(code).toBe(1);
    expect(stderr).toContain('No coordinator has published its address for session cli.');
  });

  describe('after the session is finished and its coordinator has left', () => {
    const finish = async (jobId: string): Promise<void> => {
      world.env['DTE_EMBEDDED_LINGER_MS'] = '50';
      world.env['CI_JOB_ID'] = jobId;
      await world.run(['start-ci-run', '--require-explicit-completion']);
      expect((await world.run(['complete-ci-run'])).code).toBe(0);
      const pid = world.coordinatorPid();
      await waitFor('the coordinator to leave', () => !isRunning(pid));
    };

    it('a late agent exits immediately with code 0, and other commands print why they do nothing', async () => {
      await finish('1');
      expect(await world.run(['start-agent'])).toMatchObject({
        code: 0,
        stdout: 'dte: session cli is finished; nothing to do\n',
      });
      expect(await world.run(['complete-ci-run'])).toMatchObject({ code: 0, stderr: '' });
      const status = await world.run(['status']);
      expect(status.code).toBe(1);
      expect(status.stderr).toContain('DTE_SESSION_FINISHED');
    });

    it('start-ci-run reopens it for agents, and reports it after that is finished too', async () => {
      await finish('1');
      world.env['CI_JOB_ID'] = '2';
      world.env['DTE_EMBEDDED_LINGER_MS'] = '60000';
      expect((await world.run(['start-ci-run', '--require-explicit-completion'])).code).toBe(0);
      const agent = world.start(['start-agent']);
      await agent.waitForOutput('is connected to');
      expect((await world.run(['status'])).stdout).toMatch(/^session cli · open/);
      await world.run(['complete-ci-run']);
      expect((await agent.end()).code).toBe(0);
      // It was asked to exit before its own time: the session is finished in this case too.
      const pid = world.coordinatorPid(1);
      process.kill(pid, 'SIGTERM');
      await waitFor('the coordinator to leave', () => !isRunning(pid));
      expect((await world.run(['start-agent'])).stdout).toBe('dte: session cli is finished; nothing to do\n');
    });
  });

  it('prints the reason if the coordinator cannot start', async () => {
    world.write('file', '');
    const { code, stderr } = await world.run(['start-ci-run'], {
      DTE_DATA_DIR: join(world.root, 'file', 'below'),
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(/What to do: /);
  });
});
