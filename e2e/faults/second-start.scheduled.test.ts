import { type Fleet, Pipeline, type ProcessExit, type RunningProcess, waitFor } from '@org/dte-testing';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { completeAndClose } from '../support/close';
import { expectExit } from '../support/expect-exit';
import { plain } from '../support/log';
import { sampleFleet } from '../support/sample-fleet';

/** Far beyond what any run here may take, so that whoever waits for it fails. */
const HANGS_S = 600;

/**
 * Takes one of the gates `armed-<name>-<n>` that the test has put there, if there is one: then it does what `armed` says, before its own
 * work. The test sees in `taken-<name>-<n>` who took it.
 */
const trick = (name: string, { armed, then = 'true' }: { armed: string; then?: string }): object => ({
  cache: true,
  inputs: ['default', { env: 'ROUND' }],
  command: [
    `out=dist/apps/${name}/out.txt; mkdir -p dist/apps/${name}; taken=`,
    `for n in 1 2; do if [ -z "$taken" ] && mv $SAMPLE_GATES/armed-${name}-$n $SAMPLE_GATES/moved-${name}-$n 2>/dev/null; then taken=$n; echo $MACHINE > $SAMPLE_GATES/taken-${name}-$n; fi; done`,
    `if [ -n "$taken" ]; then echo held on $MACHINE; ${armed}; fi`,
    `echo made on $MACHINE | tee $out`,
    then,
  ].join('; '),
  outputs: ['{workspaceRoot}/dist/{projectRoot}'],
});

const HANGS = `sleep ${HANGS_S}`;

const PROJECTS = {
  both: { root: 'apps/both', targets: { make: trick('both', { armed: HANGS }) } },
  // Told to stop, it leaves something and says that all is well.
  liar: {
    root: 'apps/liar',
    targets: {
      make: trick('liar', {
        armed: `trap 'echo half > $out; echo stopped on $MACHINE; exit 0' TERM; sleep ${HANGS_S} & wait $!`,
      }),
    },
  },
  silent: {
    root: 'apps/silent',
    targets: {
      make: trick('silent', { armed: 'while [ ! -e $SAMPLE_GATES/end-silent-$taken ]; do sleep 0.05; done' }),
    },
  },
  again: {
    root: 'apps/again',
    targets: {
      make: trick('again', {
        armed: HANGS,
        then: 'if mv $SAMPLE_GATES/fails-again $SAMPLE_GATES/failed-again 2>/dev/null; then exit 3; fi',
      }),
    },
  },
};

describe('a second start', () => {
  let fleet: Fleet;
  let pipeline: Pipeline;

  beforeAll(async () => {
    fleet = sampleFleet({ projects: PROJECTS });
    pipeline = await Pipeline.start(fleet, 4, { DTE_AGENT_RETURN_MS: '1000' });
    for (let known = 0; known < 2; known++) await makeAll();
  });

  // How long is usual; and each agent shows that it is not slow.
  beforeEach(async () => {
    await makeAll();
  });

  afterAll(async () => {
    await completeAndClose(pipeline, fleet);
  });

  let round = 0;
  /** Nothing of one round is in the cache for the next one. */
  const inRound = (env: Record<string, string> = {}) => ({
    env: { ROUND: String(round), DTE_FORWARD_ENV: 'ROUND', ...env },
  });
  /** One task on each agent. */
  const makeAll = async (): Promise<void> => {
    round++;
    expectExit(await pipeline.nx(['run-many', '-t', 'make', '--parallel=1'], inRound()), 0, pipeline);
    round++;
  };
  const gate = (name: string): string => join(fleet.folder, 'gates', name);
  const arm = (...names: string[]): void => names.forEach((name) => writeFileSync(gate(name), ''));
  const start = (project: string, env: Record<string, string> = {}, style = 'static'): RunningProcess =>
    pipeline.startNx(
      ['run-many', '-t', 'make', '-p', project, '--parallel=1', `--output-style=${style}`],
      inRound(env),
    );
  const takenBy = (name: string): Promise<string> =>
    waitFor(
      `someone to take ${name}`,
      () => existsSync(gate(`taken-${name}`)) && readFileSync(gate(`taken-${name}`), 'utf8').trim(),
      {
        lastState: () => pipeline.describe(),
      },
    );
  const made = (project: string): string => pipeline.main.read(`dist/apps/${project}/out.txt`);
  /** The machines of both attempts, as the log names them. */
  const startedTwice = ({ output }: ProcessExit, project: string): [first: string, second: string] => {
    const [, first, second] =
      new RegExp(
        `dte: ${project}:make ran for longer than usual on (\\S+), was started a second time on (\\S+?),`,
      ).exec(plain(output)) ?? [];
    expect(new Set([first, second, undefined]).size).toBe(3);
    return [first!, second!];
  };

  it('wins over an attempt that leaves half of its files and ends with 0 when it is stopped: nobody ever gets those', async () => {
    arm('armed-liar-1');
    // With this style, what the first attempt prints is shown while it runs.
    const exit = await start('liar', {}, 'stream').end();
    expectExit(exit, 0, pipeline);
    const [first, second] = startedTwice(exit, 'liar');
    expect(plain(exit.output)).toMatch(new RegExp(`held on ${first}[^]*made on ${second}\n`));
    expect(made('liar')).toBe(`made on ${second}\n`);
    // Whoever asks for this hash gets what won: the next command, without any cache of its own.
    pipeline.main.forget();
    const again = await start('liar').end();
    expectExit(again, 0, pipeline);
    expect(made('liar')).toBe(`made on ${second}\n`);
    expect(plain(again.output)).toContain(`made on ${second}`);
    expect(plain(again.output)).not.toMatch(/^half$|^stopped on/m);
  });

  it('whose first attempt was stored, and nobody heard of it: files and output are of the same attempt', async () => {
    const stored = (): number =>
      readdirSync(pipeline.main.path('.nx/dte'), { recursive: true, encoding: 'utf8' }).filter((path) =>
        path.includes('/cache-'),
      ).length;
    arm('armed-silent-1', 'armed-silent-2');
    const main = start('silent');
    const first = await takenBy('silent-1');
    await takenBy('silent-2');
    const agent = pipeline.agent(first).process;
    // Only the process that talks to the coordinator: the others go on, and store the result.
    agent.signal('SIGSTOP');
    const before = stored();
    arm('end-silent-1');
    await waitFor('the first result to be stored', () => stored() > before, {
      lastState: () => pipeline.describe(),
    });
    arm('end-silent-2');
    const exit = await main.end();
    agent.signal('SIGCONT');
    expectExit(exit, 0, pipeline);
    const [slow, second] = startedTwice(exit, 'silent');
    expect(slow).toBe(first);
    // Artifacts are immutable: what was stored first is what everybody gets.
    expect([`made on ${first}\n`, `made on ${second}\n`]).toContain(made('silent'));
    expect(plain(exit.output)).toContain(made('silent'));
    expect(plain(exit.output).match(/made on agent-\d/g)).toHaveLength(1);
  });

  it('that fails first counts as a failure of the task, which has its retries, and the first attempt is stopped', async () => {
    arm('armed-again-1', 'fails-again');
    const exit = await start('again', { DTE_RETRIES: '1' }).end();
    expectExit(exit, 0, pipeline);
    const [first, second] = startedTwice(exit, 'again');
    const output = plain(exit.output);
    expect(output).toMatch(
      new RegExp(
        `again:make failed on ${second} \\(exit code 3\\) and is retried \\(1 of 1, option retries\\)`,
      ),
    );
    const third = /^made on (\S+)\n$/.exec(made('again'))?.[1];
    expect([first, second]).not.toContain(third);
    expect(pipeline.agents.map(({ name }) => name)).toContain(third);
  });

  it('is lost with the first attempt, each with its machine: the task runs on a third one', async () => {
    arm('armed-both-1', 'armed-both-2');
    const main = start('both');
    const machines = [await takenBy('both-1'), await takenBy('both-2')];
    expect(new Set(machines).size).toBe(2);
    for (const name of machines) pipeline.agent(name).process.signalTree('SIGKILL');
    const exit = await main.end();
    expectExit(exit, 0, pipeline);
    const third = /^made on (\S+)\n$/.exec(made('both'))?.[1];
    expect(machines).not.toContain(third);
    expect(pipeline.agents.map(({ name }) => name)).toContain(third);
    const left = pipeline.agents.filter(({ name }) => !machines.includes(name));
    pipeline.agents.splice(0, pipeline.agents.length, ...left);
  });
});
