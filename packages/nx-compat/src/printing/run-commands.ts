import type { NxProjectGraph, NxTask } from '../model/types';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const textOf = (command: unknown): string => {
  if (typeof command === 'string') return command;
  return isObject(command) && typeof command['command'] === 'string' ? command['command'] : '';
};

/**
 * The commands of a task that `nx:run-commands` runs, as in the project graph, in order: `{args.x}` is not filled in,
 * arguments are not appended. None for a task of another executor.
 */
export function runCommandsOf({ target }: NxTask, projectGraph: NxProjectGraph): string[] {
  const found = projectGraph.nodes[target.project]?.data.targets?.[target.target];
  if (found?.executor !== 'nx:run-commands') return [];
  const { options, configurations, defaultConfiguration } = found;
  const name = target.configuration ?? defaultConfiguration;
  const chosen = isObject(configurations) && typeof name === 'string' ? configurations[name] : undefined;
  const { command, commands } = { ...options, ...(isObject(chosen) ? chosen : {}) };
  if (Array.isArray(command)) return [command.join(' ')];
  if (typeof command === 'string' && command !== '') return [command];
  return Array.isArray(commands) ? commands.map(textOf) : [];
}
