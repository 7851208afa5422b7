import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Measured } from '@org/dte-protocol';
import { assignment, REPOSITORY, runOfTasks, tempFolders } from '@org/dte-testing';
import { AgentBench } from './agent-bench';

const bench = new AgentBench();
const home = tempFolders();
const linux = process.platform === 'linux' ? it : it.skip;
const MB = 1024 * 1024;
/** An executor with a real Nx takes seconds to start, and ten times that on a busy machine. */
const PATIENCE_MS = 120_000;

/** A child of the task, which ends long before the task would be looked at: its processor time does not depend on the machine's load. */
const BURN = `const used = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000; };
while (used() < 1000);`;
const ALLOCATE = `const kept = Buffer.alloc(${200 * MB}, 1); setTimeout(() => kept.length, 500);`;

/** A workspace with the Nx of this repository, and two tasks that are not cached. */
function fill(root: string): void {
  const command = (script: string) => ({
    executor: 'nx:run-commands',
    cache: false,
    options: { command: `node ${script}`, cwd: 'app' },
  });
  const files = {
    'nx.json': '{}',
    'package.json': JSON.stringify({ name: 'workspace', private: true }),
    'app/burn.js': BURN,
    'app/allocate.js': ALLOCATE,
    'app/project.json': JSON.stringify({
      name: 'app',
      targets: { burn: command('burn.js'), allocate: command('allocate.js') },
    }),
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  symlinkSync(join(REPOSITORY, 'node_modules'), join(root, 'node_modules'));
}

/** What the agent measured of these tasks, one after the other in the same executor. */
async function measuredOf(...taskIds: string[]): Promise<Measured[]> {
  const run = runOfTasks(taskIds);
  const spec = { ...run, tasks: run.tasks.map((task) => ({ ...task, hash: null, cacheable: false })) };
  bench.server.handler = (request, response) => {
    request.resume().on('end', () => {
      const isEnv = request.url?.endsWith('/env') === true;
      response.end(JSON.stringify(request.method !== 'GET' ? { held: [] } : isEnv ? { values: {} } : spec));
    });
  };
  const agent = bench.start(
    {
      executorPath: join(REPOSITORY, 'packages/agent/dist/executor/main.js'),
      // Since 23.2, Nx keeps its caches there.
      env: { PATH: process.env['PATH'], HOME: home() },
    },
    { executorStartMs: PATIENCE_MS },
  );
  fill(agent.workspace);
  const all: Measured[] = [];
  for (const taskId of taskIds) {
    bench.server.want({ assignments: [assignment(taskId, { hash: null })], slots: 1 });
    const result = await bench.resultOf(assignment(taskId), PATIENCE_MS);
    if (result.kind !== 'finished' || result.measured === undefined)
      throw new Error(`${JSON.stringify(result)}\n${agent.output}`);
    all.push(result.measured);
  }
  return all;
}

linux('measures the processor time and the memory of what a task starts', async () => {
  const [burn, allocate] = await measuredOf('app:burn', 'app:allocate');
  expect(burn?.cpuMs).toBeGreaterThanOrEqual(990);
  // Nx and the start of Node need some as well: much less than this, also on a machine where it all takes longer.
  expect(burn?.cpuMs).toBeLessThan(8_000);
  expect(burn?.peakMemoryBytes).toBeLessThan(200 * MB);
  expect(allocate?.peakMemoryBytes).toBeGreaterThanOrEqual(200 * MB);
  expect(allocate?.peakMemoryBytes).toBeLessThan(600 * MB);
  for (const measured of [burn, allocate]) expect(measured?.runMs).toBeGreaterThanOrEqual(500);
});
