import {
  DEFAULT_NX_VERSION,
  Fleet,
  install,
  Pipeline,
  type JournalEntry,
  sampleFiles,
  sampleNxJson,
  waitFor,
} from '@org/dte-testing';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { BATCH_PLUGIN, batchProject } from '../support/batch-workspace';
import { completeAndClose } from '../support/close';
import { expectExit } from '../support/expect-exit';
import { plain, ranOn } from '../support/log';
import { LIGHT_NX } from '../support/light-nx';

/**
 *   node tools/shaky.cjs <project:target> [server=name] [first=hang|pass] [for=ms]
 *
 * Asks its server, leaves a file, and then fails (or hangs) the first time that it is run anywhere.
 */
const SHAKY = `
const { appendFileSync, existsSync, mkdirSync, writeFileSync } = require('node:fs');
const { connect } = require('node:net');
const { dirname } = require('node:path');
const { setTimeout: delay } = require('node:timers/promises');
const [id, ...rest] = process.argv.slice(2);
const options = Object.fromEntries(rest.map((arg) => arg.split('=')));
const { MACHINE: machine, SAMPLE_GATES: gates, SAMPLE_JOURNAL: journal } = process.env;
const note = (what) => appendFileSync(journal, JSON.stringify({ id, what, machine, pid: process.pid, at: Date.now() }) + '\\n');
const ask = () => new Promise((resolve) => {
  let answer = '';
  connect(options.server + '.sock').on('data', (data) => (answer += data)).on('end', () => resolve(answer.trim())).on('error', () => resolve(null));
});
(async () => {
  note('start');
  let answer = '';
  if (options.server) {
    answer = await ask();
    for (let tries = 0; answer === null && tries < 100; tries++) { await delay(50); answer = await ask(); }
    if (answer === null) process.exit(9);
  }
  await delay(Number(options.for || 0));
  const gate = gates + '/' + id.replace(':', '-');
  const isFirst = options.first !== 'pass' && !existsSync(gate);
  const file = 'dist/' + id.replace(':', '/') + '.txt';
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, id + ' ' + (isFirst ? 'first' : 'last') + ' ' + answer + ' on ' + machine + '\\n');
  console.log(id + (isFirst ? ' bad luck' : ' good luck') + ' on ' + machine);
  note('end');
  if (!isFirst) process.exit(0);
  writeFileSync(gate, '');
  if (options.first === 'hang') await delay(1e6);
  process.exit(7);
})();
`;

/** Prints on which machine it runs, and the variable of the main job. */
const SERVER = `
const { appendFileSync, rmSync } = require('node:fs');
const { createServer } = require('node:net');
const { MACHINE: machine, SAMPLE_JOURNAL: journal, STAGE: stage } = process.env;
const note = (what) => appendFileSync(journal, JSON.stringify({ id: 'server', what, machine, pid: process.pid, at: Date.now() }) + '\\n');
note('start');
const server = createServer((socket) => socket.end(machine + '/' + stage));
server.listen('app.sock', () => console.log('listening on ' + machine));
process.on('SIGTERM', () => { note('end'); rmSync('app.sock', { force: true }); process.exit(0); });
`;

const shaky = (id: string, options = '', more: object = {}): object => ({
  cache: true,
  command: `node tools/shaky.cjs ${id} ${options}`,
  outputs: [`{workspaceRoot}/dist/${id.replace(':', '/')}.txt`],
  ...more,
});

const USERS = ['e2e--a', 'e2e--b', 'e2e--c'];

const PROJECTS = {
  app: {
    root: 'apps/app',
    targets: {
      serve: { continuous: true, command: 'node tools/server.cjs', inputs: [{ env: 'STAGE' }] },
      ruled: shaky('app:ruled'),
      hang: shaky('app:hang', 'first=hang'),
      ...Object.fromEntries(
        USERS.map((name, index) => [
          name,
          shaky(`app:${name}`, `server=app for=600 ${index === 0 ? '' : 'first=pass'}`, {
            dependsOn: ['serve'],
            inputs: ['{projectRoot}/**/*', { env: 'STAGE' }],
          }),
        ]),
      ),
    },
  },
  other: { root: 'apps/other', targets: { ruled: shaky('other:ruled', 'first=pass') } },
  drifting: {
    root: 'apps/drifting',
    targets: { ruled: shaky('drifting:ruled', 'first=pass') },
  },
};

const RULES = `assignment-rules:
  - targets: [ruled, serve]
    run-on: [{ agent: big, parallelism: 1 }]
  - targets: [compile]
    run-on: [{ agent: big }]
`;

const FILES = {
  ...sampleFiles(PROJECTS, sampleNxJson()),
  ...BATCH_PLUGIN,
  ...batchProject('a'),
  ...batchProject('b', { needs: ['a'], once: true }),
  ...batchProject('c', { needs: ['b'] }),
  ...batchProject('d', { needs: ['a'] }),
  ...batchProject('e', { needs: ['d'] }),
  // Agents have their own file there.
  ...batchProject('x', { needs: ['a'] }),
  ...batchProject('y', { needs: ['x'] }),
  'tools/shaky.cjs': SHAKY,
  'tools/server.cjs': SERVER,
};

describe('features together', () => {
  let fleet: Fleet;
  let pipeline: Pipeline;
  let gates: string;

  beforeAll(async () => {
    fleet = Fleet.create({
      install: install({ nx: DEFAULT_NX_VERSION }),
      files: FILES,
      // However slow the machine is, only the end of a command stops an unused server.
      env: { ...LIGHT_NX, DTE_SERVER_IDLE_MS: '600000' },
    });
    gates = join(fleet.folder, 'gates');
    pipeline = new Pipeline(fleet, fleet.machine('main'));
    pipeline.main.write('.nx/dte.yaml', RULES);
    await pipeline.startCiRun();
    for (const name of ['agent-1', 'agent-2']) {
      const machine = fleet.machine(name);
      for (const root of ['libs/x', 'apps/drifting']) machine.write(`${root}/generated.txt`, 'made here\n');
      pipeline.startAgent(name, { args: ['--labels=big'] }, machine);
    }
    await waitFor('both agents', async () => {
      const { output } = await pipeline.dte(['status']);
      return (output.match(/connected/g) ?? []).length === 2;
    });
  });

  afterAll(async () => {
    await completeAndClose(pipeline, fleet);
  });

  beforeEach(() => {
    fleet.clearJournal();
  });

  const attempts = (id: string): JournalEntry[] => fleet.journal().filter((each) => each.id === id);
  const machinesOfAttempts = (id: string): string[] =>
    attempts(id)
      .filter(({ what }) => what === 'start')
      .map(({ machine }) => machine);
  /** Folder with the outputs of a failed attempt, as the log names it. */
  const keptOf = (output: string, id: string): string =>
    join(
      new RegExp(`${id} failed on .*? Its output: (\\S+)`).exec(output)?.[1] ?? `no attempt of ${id}`,
      '..',
    );

  it('rules, retries, servers, forwarded variables, a timeout and a main job that runs tasks too', async () => {
    const exit = await pipeline.nx(
      [
        'run-many',
        '-t',
        ['ruled', 'hang', ...USERS].join(),
        '-p',
        'app',
        '--parallel=1',
        '--output-style=static',
      ],
      {
        env: {
          DTE_RETRIES: '1',
          DTE_MAIN_SLOTS: '1',
          DTE_TASK_TIMEOUT_MS: '{"hang":2500}',
          DTE_FORWARD_ENV: 'STAGE',
          STAGE: 'of-the-main-job',
        },
      },
    );

    expectExit(exit, 0, pipeline);
    const output = plain(exit.output);
    // Both attempts run where the rule requires.
    expect(machinesOfAttempts('app:ruled').sort()).toEqual(['agent-1', 'agent-2']);
    for (const id of ['app:ruled', 'app:hang', 'app:e2e--a']) {
      const [first, second, ...more] = machinesOfAttempts(id);
      expect([id, more.length]).toEqual([id, 0]);
      expect(second).toMatch(/agent|main/);
      expect(second).not.toBe(first);
      expect(output).toMatch(new RegExp(`${id} failed on .* and is retried \\(1 of 1, option retries\\)`));
      const kept = keptOf(output, id);
      expect(pipeline.main.read(join(kept, 'terminal-output.txt'))).toContain(`${id} bad luck on ${first!}`);
      const file = `dist/${id.replace(':', '/')}.txt`;
      expect(pipeline.main.read(join(kept, 'files', file))).toMatch(/ first /);
      expect(pipeline.main.read(file)).toMatch(/ last /);
      expect(output).toContain(`${id} good luck on ${second!}`);
    }
    expect(output).toMatch(/app:hang failed on .*\(DTE_TASK_TIMEOUT\) and is retried/);
    // Each user had the server of its own machine, which saw the forwarded variable; so did the one on the main job.
    for (const name of USERS) {
      const machine = machinesOfAttempts(`app:${name}`).at(-1)!;
      expect(pipeline.main.read(`dist/app/${name}.txt`)).toContain(
        `${machine}/of-the-main-job on ${machine}`,
      );
    }
    // A machine never has two at a time: they share a socket.
    const running = new Set<string>();
    for (const { what, machine } of attempts('server')) {
      expect([what, running.has(machine)]).toEqual([what, what === 'end']);
      if (what === 'start') running.add(machine);
      else running.delete(machine);
    }
  });

  it('a batch with one task that fails at first, whose outputs are not downloaded except those of failures', async () => {
    const exit = await pipeline.nx(
      ['run-many', '-t', 'compile', '-p', 'a,b,c,d,e', '--batch', '--parallel=1', '--output-style=static'],
      { env: { DTE_RETRIES: '1', DTE_RESTORE_OUTPUTS: 'none', DTE_MAIN_SLOTS: '1' } },
    );

    expectExit(exit, 0, pipeline);
    const output = plain(exit.output);
    const ran = ranOn(fleet.journal());
    // What the first attempt made is not made again; what it skipped is.
    for (const name of ['a', 'c', 'd', 'e'])
      expect([name, ran[`${name}:compile`]?.length]).toEqual([name, 1]);
    const [first, second] = ran['b:compile'] ?? [];
    expect([first, second].sort()).toEqual(['agent-1', 'agent-2']);
    expect(ran['c:compile']).toEqual([second]);
    const kept = keptOf(output, 'b:compile');
    expect(pipeline.main.read(join(kept, 'terminal-output.txt'))).toContain('together b:compile');
    expect(pipeline.main.read(join(kept, 'files/dist/libs/b/out.txt'))).toBe('b:compile first together\n');
    expect(pipeline.main.filesBelow('dist').filter((file) => file.startsWith('libs/'))).toEqual([]);
    expect(output).toContain('dte: 5 outputs (');

    expectExit(await pipeline.dte(['outputs', '--all']), 0, pipeline);
    expect(pipeline.main.filesBelow('dist/libs')).toEqual(
      ['a', 'b', 'c', 'd', 'e'].map((name) => `${name}/out.txt`),
    );
    expect(pipeline.main.read('dist/libs/b/out.txt')).toBe('b:compile together\n');
  });

  it('a task that fails in every attempt, with its files here, and others that were never retried', async () => {
    rmSync(gates, { recursive: true });
    const exit = await pipeline.nx(
      ['run-many', '-t', 'ruled', '-p', 'app,other', '--skip-nx-cache', '--output-style=static'],
      {
        env: { DTE_RETRIES: '1', DTE_RESTORE_OUTPUTS: 'none' },
      },
    );

    mkdirSync(gates);
    // Without the folder of gates, no attempt can record that it was the first.
    expectExit(exit, 1, pipeline);
    const output = plain(exit.output);
    expect(machinesOfAttempts('app:ruled').sort()).toEqual(['agent-1', 'agent-2']);
    expect(pipeline.main.read('dist/app/ruled.txt')).toMatch(/ first /);
    expect(pipeline.main.exists('dist/other/ruled.txt')).toBe(false);
    expect(pipeline.main.read(join(keptOf(output, 'app:ruled'), 'files/dist/app/ruled.txt'))).toMatch(
      / first /,
    );
    expect(output).toContain('dte: 1 output (');
  });

  it('tasks with a different hash on agents, in a batch or under a rule, run on the main job', async () => {
    const exit = await pipeline.nx(
      [
        'run-many',
        '-t',
        'compile,ruled',
        '-p',
        'a,b,c,d,x,y,drifting',
        '--batch',
        '--skip-nx-cache',
        '--output-style=static',
      ],
      { env: { DTE_RETRIES: '1', DTE_ON_HASH_MISMATCH: 'run-on-main' } },
    );

    expectExit(exit, 0, pipeline);
    const ran = ranOn(fleet.journal());
    for (const id of ['x:compile', 'y:compile', 'drifting:ruled'])
      expect([id, ran[id]]).toEqual([id, ['main']]);
    for (const id of ['a:compile', 'b:compile', 'c:compile', 'd:compile'])
      expect([id, ran[id]?.every((machine) => machine.startsWith('agent'))]).toEqual([id, true]);
    expect(readFileSync(pipeline.main.path('dist/libs/y/out.txt'), 'utf8')).toContain('y:compile');
  });
});
