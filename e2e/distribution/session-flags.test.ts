import { expectExit } from '../support/expect-exit';
import { Pipeline, sampleCommand, waitFor, type Fleet } from '@org/dte-testing';
import { ownLines, plain, ranOn } from '../support/log';
import { sampleFleet } from '../support/sample-fleet';

const GOOD = ['one', 'two', 'three', 'four'];
const CHECK = ['run-many', '-t', 'check', '--parallel=1'];
const JOBS = 'https://gitlab.example.com/group/shop/-/jobs';

const PROJECTS = {
  broken: {
    root: 'libs/broken',
    targets: { check: { command: sampleCommand('broken:check', { exit: 5 }) } },
  },
  // Depends on the failing task: it runs nowhere.
  above: {
    root: 'libs/above',
    dependsOn: ['broken'],
    targets: { check: { command: sampleCommand('above:check') } },
  },
  ...Object.fromEntries(
    GOOD.map((name) => [
      name,
      {
        root: `libs/${name}`,
        targets: {
          check: { command: sampleCommand(`${name}:check`, { sleep: 300 }) },
          later: { command: sampleCommand(`${name}:later`) },
        },
      },
    ]),
  ),
};

describe('a session that was opened', () => {
  let fleet: Fleet;

  beforeEach(() => {
    fleet = sampleFleet({
      projects: PROJECTS,
      targetDefaults: { check: { cache: true, dependsOn: ['^check'] }, later: { cache: true } },
    });
  });

  afterEach(async () => {
    expect(await fleet.close()).toEqual([]);
  });

  /** How Nx itself ends this command, in which one task fails and another is skipped because of it. */
  const aloneExitCode = async (): Promise<number> => {
    const alone = fleet.machine('alone', { ci: false, env: { CI: 'true' } });
    const { code } = await alone.nx(CHECK);
    fleet.clearJournal();
    expect(code).toBeGreaterThan(0);
    return code ?? 0;
  };
  const agentsOf = ({ agents }: Pipeline): boolean[] => agents.map(({ process }) => process.running);

  describe('with --stop-agents-on-failure', () => {
    let pipeline: Pipeline;

    beforeEach(async () => {
      // The coordinator keeps running for late agents, which would be told immediately.
      pipeline = new Pipeline(fleet, fleet.machine('main'), { DTE_EMBEDDED_LINGER_MS: '6000' });
      await pipeline.startCiRun(['--stop-agents-on-failure']);
      for (const number of [1, 2]) {
        const env = { CI_JOB_NAME: `nx-agent ${number}/2`, CI_JOB_URL: `${JOBS}/4${number}` };
        pipeline.startAgent(`agent-${number}`, { env });
      }
    });

    it('releases its agents when the first task fails, and the main job does the rest as Nx would', async () => {
      const code = await aloneExitCode();
      const exit = await pipeline.nx(CHECK);

      expectExit(exit, code, pipeline);
      for (const { process } of pipeline.agents) expect((await process.end()).code).toBe(0);
      const ran = ranOn(fleet.journal());
      expect(Object.keys(ran).sort()).toEqual(['broken', ...GOOD].map((name) => `${name}:check`).sort());
      expect(Object.values(ran).every((machines) => machines.length === 1)).toBe(true);
      expect(ran['broken:check']).toEqual([expect.stringMatching(/^agent-/)]);

      // The session is over: neither the next command nor a late agent waits.
      expectExit(await pipeline.nx(['run-many', '-t', 'later', '--parallel=2']), 0, pipeline);
      expect(ranOn(fleet.journal())['one:later']).toEqual(['main']);
      expect((await pipeline.startAgent('late').process.end()).code).toBe(0);
      await pipeline.everybodyGone();
    });

    it("names in the main job's log the job in which a task failed, with its address", async () => {
      const status = await waitFor('both agents', async () => {
        const { output } = await pipeline.dte(['status']);
        return (output.match(/connected/g) ?? []).length === 2 && plain(output);
      });
      for (const number of [1, 2])
        expect(status).toMatch(new RegExp(`nx-agent ${number}/2 +connected.* ${JOBS}/4${number}\\n`));

      const exit = await pipeline.nx(CHECK);

      expect(exit.code).not.toBe(0);
      expect(ownLines(exit.output).filter((line) => line.includes('failed on'))).toEqual([
        expect.stringMatching(/^dte: broken:check failed on nx-agent ([12])\/2: https:\S+\/jobs\/4\1$/),
      ]);
      for (const { process } of pipeline.agents) expect((await process.end()).code).toBe(0);
      await pipeline.everybodyGone();
    });
  });

  describe('with --require-explicit-completion', () => {
    const IDLE = { DTE_SESSION_IDLE_MS: '6000' };

    it('keeps its agents as long as necessary, while another session releases them', async () => {
      const kept = new Pipeline(fleet, fleet.machine('main'), { ...IDLE, DTE_SESSION_ID: 'kept' });
      const other = new Pipeline(fleet, fleet.machine('other'), { ...IDLE, DTE_SESSION_ID: 'other' });
      await kept.startCiRun(['--require-explicit-completion']);
      kept.startAgent('agent-1');
      expectExit(await kept.nx(['run-many', '-t', 'later', '--parallel=1']), 0, kept);

      // Started later with a shorter limit: when it ends, the time is up for the first as well.
      await other.startCiRun();
      other.startAgent('agent-2');
      expectExit(await other.nx(['run-many', '-t', 'later', '--parallel=1']), 0, other);
      expect((await other.agent('agent-2').process.end()).code).toBe(0);
      expect(agentsOf(kept)).toEqual([true]);

      const code = await aloneExitCode();
      expectExit(await kept.nx(CHECK), code, kept);
      expect(ranOn(fleet.journal())['one:check']).toEqual(['agent-1']);
      expect(agentsOf(kept)).toEqual([true]);
      expect((await kept.complete()).map(({ code }) => code)).toEqual([0]);
    });
  });
});
