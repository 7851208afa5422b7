import { findWorkspaceRoot } from '@org/dte-nx-compat';
import { addressOf, DteError, type Rendezvous, type Role } from '@org/dte-protocol';
import {
  envWithSecrets,
  type OptionName,
  readNxJsonOptions,
  resolveConfig,
  type Resolved,
  sessionIdOf,
} from '@org/dte-config';
import { createRendezvous, noRendezvous } from '../edge/rendezvous';
import { readSurroundings, type GitlabSurroundings } from '../edge/surroundings';
import { openSession, type Session } from '@org/dte-runner';

export type Flags = Readonly<Partial<Record<OptionName, unknown>>>;

/** What every command needs first. */
export interface CliContext {
  readonly resolved: Resolved;
  readonly surroundings: GitlabSurroundings;
  readonly workspaceRoot: string;
  readonly sessionId: string;
  /** Null if none is configured. */
  readonly rendezvous: Rendezvous | null;
}

export const say = (line: string): void => void process.stdout.write(`${line}\n`);
export const warn = (line: string): void => void process.stderr.write(`dte: ${line}\n`);

/** Prints a line that already begins with our name. */
export const sayAside = (line: string): void => void process.stderr.write(`${line}\n`);

/** @throws DteError DTE_BAD_CONFIG */
export function cliContext(flags: Flags): CliContext {
  const workspaceRoot = findWorkspaceRoot();
  const surroundings = readSurroundings(process.env);
  const resolved = resolveConfig({ flags, env: envWithSecrets(), nxJson: readNxJsonOptions(workspaceRoot) });
  resolved.warnings.forEach(warn);
  return {
    resolved,
    surroundings,
    workspaceRoot,
    sessionId: sessionIdOf(resolved.config, surroundings.job),
    rendezvous: createRendezvous({ ...resolved, surroundings, workspaceRoot }),
  };
}

/** @throws DteError DTE_NO_COORDINATOR if no rendezvous is configured */
export function requireRendezvous(context: CliContext): Rendezvous {
  if (context.rendezvous !== null) return context.rendezvous;
  throw noRendezvous(context.resolved.config);
}

/**
 * Connects to the session's coordinator, which must be running already.
 * @throws DteError immediately: DTE_NO_COORDINATOR if no address is published, DTE_SESSION_FINISHED if it has left
 */
export async function joinSession(context: CliContext, role: Exclude<Role, 'agent'>): Promise<Session> {
  const rendezvous = requireRendezvous(context);
  const { resolved, surroundings, sessionId, workspaceRoot } = context;
  if (addressOf(await rendezvous.find(sessionId)) === null) {
    throw new DteError(
      'DTE_NO_COORDINATOR',
      `No coordinator has published its address for session ${sessionId}.`,
    );
  }
  return openSession({
    resolved,
    surroundings,
    sessionId,
    role,
    rendezvous,
    workspaceRoot,
    note: sayAside,
  });
}
