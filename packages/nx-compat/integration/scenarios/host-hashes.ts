import { rmSync, writeFileSync } from 'node:fs';
import { createTaskHost } from '../../src';
import { taskGraphOf } from '../support/graph';

export interface HostHashesInput {
  workspaceRoot: string;
  targets: string[];
  /** Hashes the main job has found up front. */
  upFront: Record<string, string | undefined>;
  /** Ids to run first, so that their outputs exist. */
  runFirst: string[];
  /** A task whose hash reads that file; it is hashed with and without a change to it. */
  reader: string;
  file: string;
  /** A task whose hash and output depend on a variable, and values that it takes one after the other. */
  variable: { task: string; name: string; values: string[] };
}

export interface HostHashesResult {
  hashes: Record<string, string>;
  nodes: Record<string, string[]>;
  changed: string;
  changedBack: string;
  /** For each value: the hash and what the task printed. */
  byValue: { hash: string; printed: string }[];
}

/** Hashes every task as an executor does. */
export async function run(input: HostHashesInput): Promise<HostHashesResult> {
  const host = await createTaskHost({ workspaceRoot: input.workspaceRoot });
  const { raw, graph } = taskGraphOf(host.projectGraph, input.targets);
  for (const id of input.runFirst) {
    const task = graph.tasks[id];
    if (task) await host.runTask({ task, fullTaskGraph: raw });
  }
  const result: HostHashesResult = { hashes: {}, nodes: {}, changed: '', changedBack: '', byValue: [] };
  const hash = async (id: string): ReturnType<typeof host.hashTask> => {
    const task = graph.tasks[id];
    if (!task) throw new Error(`no task ${id}`);
    const known = input.upFront[id];
    return host.hashTask(known === undefined ? task : { ...task, hash: known }, raw);
  };
  for (const id of Object.keys(graph.tasks)) {
    const { value, details } = await hash(id);
    result.hashes[id] = value;
    result.nodes[id] = Object.keys(details.nodes);
  }
  writeFileSync(input.file, 'other content');
  result.changed = (await hash(input.reader)).value;
  rmSync(input.file);
  writeFileSync(input.file, 'data\n');
  result.changedBack = (await hash(input.reader)).value;
  const { task: id, name, values } = input.variable;
  const task = graph.tasks[id];
  if (!task) throw new Error(`no task ${id}`);
  for (const value of values) {
    host.enterRun(value, { [name]: value });
    const { value: known } = await hash(id);
    const run = await host.runTask({ task: { ...task, hash: known }, fullTaskGraph: raw, skipCacheRead: true });
    result.byValue.push({ hash: known, printed: run.terminalOutput.trim().split('\n').at(-1) ?? '' });
  }
  await host.close();
  return result;
}
