import { completeAndClose } from '../support/close';
import { expectExit } from '../support/expect-exit';
import { type Machine, Pipeline, type Fleet } from '@org/dte-testing';
import { faultFleet, HELD, HELD_TASKS, SHORT_WAITS } from '../support/fault-fleet';
import { firstAnswer } from '../support/first-answer';
import { machinesOf, plain, ranOn } from '../support/log';

describe('an agent that does not belong to the session', () => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeAll(async () => {
    fleet = faultFleet();
    fleet.open('go');
    pipeline = new Pipeline(fleet, fleet.machine('main'), { ...SHORT_WAITS, DTE_SECRET: 'open sesame' });
    await pipeline.startCiRun();
    pipeline.startAgent('agent-1');
  });

  afterAll(async () => {
    expect((await completeAndClose(pipeline, fleet)).map(({ code }) => code)).toEqual([0]);
  });

  /** Starts an unsuitable agent while a command runs, and expects that the command is not affected. */
  async function expectRefused(
    machine: Machine,
    env: Record<string, string | undefined>,
    code: string,
  ): Promise<void> {
    fleet.clearJournal();
    const main = pipeline.startNx([...HELD, '--skip-nx-cache']);
    const agent = machine.startDte(['start-agent'], { env: { ...pipeline.env, ...env } });

    const refused = await agent.end();
    const exit = await main.end();

    expect(refused.output).toContain(code);
    expect(refused.code).not.toBe(0);
    expectExit(exit, 0, pipeline);
    expect(Object.keys(ranOn(fleet.journal())).sort()).toEqual(HELD_TASKS);
    expect(machinesOf(fleet.journal())).toEqual(['agent-1']);
  }

  it('another secret: rejected with what to do', async () => {
    await expectRefused(fleet.machine('liar'), { DTE_SECRET: 'open barley' }, 'DTE_BAD_SECRET');
  });

  it('no secret: rejected with what to do', async () => {
    await expectRefused(fleet.machine('mute'), { DTE_SECRET: undefined }, 'DTE_BAD_SECRET');
  });

  it('another commit: rejected, with both commits', async () => {
    const machine = fleet.machine('late');
    await machine.run('git', ['checkout', '--quiet', fleet.base]);

    await expectRefused(machine, {}, 'DTE_COMMIT_MISMATCH');
  });

  it('another version of nx: rejected, with both versions', async () => {
    const machine = fleet.machine('old');
    const manifest = JSON.parse(machine.read('node_modules/nx/package.json')) as { version: string };
    machine.write('node_modules/nx/package.json', JSON.stringify({ ...manifest, version: '23.0.1' }));

    await expectRefused(machine, {}, 'DTE_NX_VERSION_MISMATCH');
  });

  it('another lockfile: rejected, with its name', async () => {
    const machine = fleet.machine('relocked');
    machine.write('package-lock.json', `${machine.read('package-lock.json')}\n`);

    await expectRefused(machine, {}, 'DTE_LOCKFILE_MISMATCH');
  });

  it('another workspace of the repository: rejected, with both folders', async () => {
    const machine = fleet.machine('elsewhere');
    // With the repository one folder above, the same files are those of another workspace.
    await machine.run('mv', ['.git', '..']);

    await expectRefused(machine, {}, 'DTE_WORKSPACE_MISMATCH');
  });

  it('another major version of Node.js: rejected, with both versions', async () => {
    const machine = fleet.machine('ancient');
    machine.write('.nx/ancient.cjs', "Object.defineProperty(process, 'version', { value: 'v18.1.0' });");

    const env = { NODE_OPTIONS: `--require ${machine.path('.nx/ancient.cjs')}` };
    await expectRefused(machine, env, 'DTE_NODE_MISMATCH');
  });

  it('another version of the protocol: reported before anything else is checked', async () => {
    const answer = await firstAnswer(await coordinatorUrl(), {
      type: 'hello',
      protocolVersion: 99,
      anything: 'else',
    });

    expect(answer).toMatchObject({ type: 'error', fatal: true, reason: { code: 'DTE_PROTOCOL_VERSION' } });
  });

  it('a first frame that is not JSON: reported', async () => {
    expect(await firstAnswer(await coordinatorUrl(), 'GET / HTTP/1.1')).toMatchObject({
      type: 'error',
      reason: { code: 'DTE_MALFORMED_MESSAGE' },
    });
  });

  it('a first frame that is far too large: disconnected, and the session continues', async () => {
    const answer = await firstAnswer(await coordinatorUrl(), 'x'.repeat(5_000_000));

    expect(answer === null || (answer as { type: string }).type === 'error').toBe(true);
    fleet.clearJournal();
    expectExit(await pipeline.nx([...HELD, '--skip-nx-cache']), 0, pipeline);
    expect(machinesOf(fleet.journal())).toEqual(['agent-1']);
  });

  const coordinatorUrl = async (): Promise<string> => {
    const exit = await pipeline.startCiRun();
    return /coordinator (http:\S+)/.exec(plain(exit.output))![1]!;
  };
});
