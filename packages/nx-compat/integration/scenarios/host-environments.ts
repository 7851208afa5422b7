import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createTaskHost } from '../../src';
import { taskGraphOf } from '../support/graph';

/** What an executor gets for one command. */
export interface EnvironmentStep {
  run: string;
  values: Record<string, string | null>;
  /** The agent has another token now: a host is created again. */
  reconnect?: boolean;
  /** Run a batch as well. */
  batch?: boolean;
  /** Something in this process sets variables and changes the folder before the task of this step. */
  leftBehind?: Record<string, string>;
  /** Content of the project's .env file from now on. */
  dotEnv?: string;
}

export interface HostEnvironmentsInput {
  workspaceRoot: string;
  steps: EnvironmentStep[];
}

export interface EnvironmentSeen {
  /** What a command, a process of an executor, and a process of a batch see. */
  command: string;
  forked: string;
  batch: string;
  /** Of a task with the variable, and what a command prints of it, among its inputs. */
  hash: string;
}

export interface HostEnvironmentsResult {
  seen: EnvironmentSeen[];
  server: string;
  /** Variables that differ from before after all hosts are closed. */
  left: string[];
}

/** The last one: Nx may also print the command before its output. */
const valueIn = (text: string): string => [...text.matchAll(/seen=(\S*)/g)].at(-1)?.[1] ?? text;

export async function run({ workspaceRoot, steps }: HostEnvironmentsInput): Promise<HostEnvironmentsResult> {
  const before = { ...process.env };
  const result: HostEnvironmentsResult = { seen: [], server: '', left: [] };
  let host = await createTaskHost({ workspaceRoot });
  for (const step of steps) {
    if (step.reconnect) {
      await host.close();
      host = await createTaskHost({ workspaceRoot });
    }
    if (step.leftBehind) {
      Object.assign(process.env, step.leftBehind);
      process.chdir('packages');
    }
    if (step.dotEnv !== undefined) writeFileSync(join(workspaceRoot, 'packages/app/.env'), step.dotEnv);
    const { raw, graph } = taskGraphOf(host.projectGraph, ['command', 'forked', 'batch']);
    const enter = (): void => {
      const values = Object.entries(step.values).map(([name, value]) => [name, value ?? undefined]);
      host.enterRun(step.run, Object.fromEntries(values) as Record<string, string | undefined>);
    };
    const print = async (id: string): Promise<string> => {
      const task = graph.tasks[id];
      if (!task) throw new Error(`no task ${id}`);
      enter();
      return valueIn((await host.runTask({ task, fullTaskGraph: raw, skipCacheRead: true })).terminalOutput);
    };
    const batchTask = graph.tasks['app:batch'];
    const hashed = graph.tasks['app:command'];
    if (!batchTask || !hashed) throw new Error('no such task');
    enter();
    const hash = (await host.hashTask({ ...hashed, hash: '?' }, raw)).value;
    const [command, forked] = [await print('app:command'), await print('app:forked')];
    let batch = '';
    if (step.batch === true) {
      enter();
      const ran = await host.runBatch({ tasks: [batchTask], fullTaskGraph: raw, skipCacheRead: true });
      batch = valueIn(ran.tasks.get('app:batch')?.terminalOutput ?? ran.broken?.why ?? '');
    }
    result.seen.push({ command, forked, batch, hash });
  }
  result.server = await serve(host, steps.at(-1)?.run ?? '');
  await host.close();
  const names = [...new Set([...Object.keys(before), ...Object.keys(process.env)])];
  result.left = names.filter((name) => process.env[name] !== before[name]);
  return result;
}

/** What a server sees that is started for another command. */
async function serve(host: Awaited<ReturnType<typeof createTaskHost>>, last: string): Promise<string> {
  const { raw, graph } = taskGraphOf(host.projectGraph, ['serve', 'use']);
  const task = graph.tasks['app:serve'];
  // 20 has no servers.
  if (!task || host.nxVersion.startsWith('20.')) return '';
  host.enterRun(`${last} and its server`, { STAGE: 'of-server' });
  let said = '';
  const server = await host.startServer({ task, fullTaskGraph: raw, onOutput: (chunk) => (said += chunk) });
  await server.ended;
  return valueIn(said);
}
