import { LIMITS } from '@org/dte-protocol';

/** Variables that describe a machine: they have other values on another one. */
const OF_MACHINE =
  /^(PATH|HOME|PWD|OLDPWD|TMPDIR|TEMP|TMP|USER|LOGNAME|SHELL|SHLVL|HOSTNAME|_|NODE_PATH|(LD|DYLD)_LIBRARY_PATH|XDG_.*)$/;

export interface HookVariables {
  /** All names whose values are sent to the agents: those of the option forwardEnv first. */
  readonly names: readonly string[];
  /** For the log: what is not forwarded; null if nothing. */
  readonly note: string | null;
}

/**
 * Variables that plugin hooks have set are part of the command, like forwardEnv. Those that describe this machine, or
 * contain a folder of it, would be wrong on another one: they are not forwarded unless forwardEnv names them.
 * @param changed by hooks; null: not known on this platform
 */
export function hookVariables(
  forwardEnv: readonly string[],
  changed: Readonly<Record<string, string | undefined>> | null,
  workspaceRoot: string,
): HookVariables {
  const others = Object.entries(changed ?? {}).filter(([name]) => !forwardEnv.includes(name));
  const isHere = ([name, value]: [string, string | undefined]): boolean =>
    OF_MACHINE.test(name) || (value?.includes(workspaceRoot) ?? false);
  const room = Math.max(0, LIMITS.forwardedNames.value - forwardEnv.length);
  const fit = others.filter((entry) => !isHere(entry)).slice(0, room);
  const names = [...forwardEnv, ...fit.map(([name]) => name)];
  const here = others.map(([name]) => name).filter((name) => !names.includes(name));
  const note =
    `dte: ${here.join(', ')}: set in this job by a plugin hook (preTasksExecution). Tasks on agents do not get ` +
    `${here.length === 1 ? 'it' : 'them'}: specific to this machine, or too many. To forward them, use the option forwardEnv`;
  return { names, note: here.length === 0 ? null : note };
}
