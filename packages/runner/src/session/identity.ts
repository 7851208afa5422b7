import { findWorkspaceRoot, NxInstallError, resolveNx } from '@org/dte-nx-compat';
import { DteError, printable, type Introduction, type WorkspaceIdentity } from '@org/dte-protocol';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hintPrefix } from '../git/prefix';
import type { OwnJob } from './surroundings';

/** Timeout for git to name the commit, which reads one file. Not configurable: without an answer the commit is unknown, as without git. */
const GIT_MS = 10_000;

/** What `git rev-parse` says of a folder; null without git (or if git does not answer). */
async function askGit(folder: string, ...what: string[]): Promise<string | null> {
  try {
    const { stdout } = await promisify(execFile)('git', ['rev-parse', ...what], {
      cwd: folder,
      timeout: GIT_MS,
    });
    return stdout;
  } catch {
    return null;
  }
}

/** What git says of a workspace; null where it does not say it. */
export interface Checkout {
  /** The commit that is checked out. */
  readonly commit: string | null;
  /** The folder of the workspace in its repository, with `/` at its end, or empty. */
  readonly folder: string | null;
}

/** Asks git with one command. Never rejects. */
export function askCheckout(workspaceRoot: string): Promise<Checkout> {
  const asking = readCheckedOut(workspaceRoot);
  hintPrefix(
    workspaceRoot,
    asking.then(({ folder }) => folder),
  );
  return asking;
}

async function readCheckedOut(workspaceRoot: string): Promise<Checkout> {
  const both = (await askGit(workspaceRoot, '--show-prefix', 'HEAD'))?.trimEnd();
  const end = both?.lastIndexOf('\n') ?? -1;
  if (both !== undefined && end !== -1)
    return { commit: both.slice(end + 1), folder: both.slice(0, end).trim() };
  // There is no commit yet, or no repository.
  return { commit: null, folder: (await askGit(workspaceRoot, '--show-prefix'))?.trim() ?? null };
}

/** The commit that is checked out; null without git (or if git does not answer). */
export async function checkedOutCommit(workspaceRoot: string): Promise<string | null> {
  const commit = (await askGit(workspaceRoot, 'HEAD'))?.trim();
  return commit === undefined || commit === '' ? null : commit;
}

const LOCKFILES = [
  'package-lock.json',
  'npm-shrinkwrap.json',
  'yarn.lock',
  'pnpm-lock.yaml',
  'bun.lock',
  'bun.lockb',
];

/** Digests of the lockfiles of a workspace, by name. Line endings are ignored, because git may change them on checkout. */
export async function readLockfiles(workspaceRoot: string): Promise<Record<string, string>> {
  const read = async (name: string): Promise<[string, string][]> => {
    try {
      const text = await readFile(join(workspaceRoot, name), 'latin1');
      const digest = createHash('sha256').update(text.replaceAll('\r\n', '\n'), 'latin1').digest('hex');
      return [[name, digest]];
    } catch {
      return []; // there is none
    }
  };
  return Object.fromEntries((await Promise.all(LOCKFILES.map(read))).flat());
}

/**
 * The version of the workspace's Nx.
 * @throws DteError DTE_NX_UNSUPPORTED; DTE_BAD_CONFIG if the workspace has no Nx
 */
export function requireNx(workspaceRoot: string): string {
  try {
    return resolveNx(workspaceRoot).version;
  } catch (cause) {
    const { message } = cause as Error;
    if (cause instanceof NxInstallError && cause.code === 'NX_UNSUPPORTED')
      throw new DteError('DTE_NX_UNSUPPORTED', `This workspace has ${message}.`, { cause });
    const where = 'run this in an Nx workspace with its packages installed';
    throw new DteError('DTE_BAD_CONFIG', `${message}; ${where}.`, { cause });
  }
}

/**
 * The description of this process for a coordinator.
 * @param samePlatform of a main job: agents on another platform are rejected
 * @param asked git, if it was asked before
 * @throws DteError like `requireNx`
 */
export async function readIdentity(
  workspaceRoot: string = findWorkspaceRoot(),
  samePlatform = false,
  asked: Promise<Checkout> = askCheckout(workspaceRoot),
): Promise<WorkspaceIdentity> {
  const { commit, folder } = await asked;
  return {
    nxVersion: requireNx(workspaceRoot),
    commit,
    ...(folder === null ? {} : { folder }),
    nodeVersion: process.version,
    platform: `${process.platform}-${process.arch}`,
    lockfiles: await readLockfiles(workspaceRoot),
    ...(samePlatform ? { samePlatform } : {}),
  };
}

/** Name of this job for people: that of the CI job, else host and process. */
const jobName = (job: Pick<OwnJob, 'name'> | null): string =>
  printable(job?.name ?? '', 256) || `${hostname()}-${process.pid}`;

/** Distinguishes this job from an earlier try of it, if CI provides an id. */
export const jobIdOf = (job: Pick<OwnJob, 'id'> | null): string | undefined =>
  printable(job?.id ?? '', 128) || undefined;

/** Address of this job's log, if CI provides it. */
export const jobUrl = (job: Pick<OwnJob, 'url'> | null): string | null =>
  printable(job?.url ?? '', 2048) || null;

/** The introduction of this job to people; with the name of the job unless another is given. */
export const introduce = (job: Pick<OwnJob, 'name' | 'url'> | null, name = jobName(job)): Introduction => ({
  name,
  jobUrl: jobUrl(job),
});

/** The reported address of a job, if it is in the project of this job; else null. */
export function neighbourUrl(claimed: string | null, own: string | null): string | null {
  const project = own === null ? null : /^(.*\/)[0-9]+$/.exec(own)?.[1];
  if (claimed === null || project === null || project === undefined) return null;
  return claimed.startsWith(project) && /^[0-9]{1,20}$/.test(claimed.slice(project.length)) ? claimed : null;
}
