import { appendFileSync, copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { DurationEstimates, FileDurationHistory } from '@org/dte-coordinator';
import { LIMITS, projectOf } from '@org/dte-protocol';
import { sessionKey } from '@org/dte-identity';
import { type Resolved, sessionIdOf } from '@org/dte-config';
import { lastArtifact } from '@org/dte-gitlab';
import { dataDirOf, historyDirOf, issuersOf, reportFolderOf } from '@org/dte-runner';
import type { GitlabSurroundings } from '../edge/surroundings';
import { warn } from './context';

/** A process that may have the durations of its project on its disk. */
export interface DurationsContext {
  readonly resolved: Resolved;
  readonly workspaceRoot: string;
  readonly surroundings: GitlabSurroundings;
}

/** Name of the copy in the report of a main job. */
const IN_REPORT = 'durations.jsonl';
/** How long GitLab may take. Not configurable: nobody waits for it. */
const ARTIFACT_MS = 30_000;
/** Bytes of a line, as a part of the limit `durationEntries`: what is larger is not read. */
const LINE_BYTES = 250;

/** The names under which a coordinator may keep the project: with id tokens, it keeps those of several instances apart. */
function projectsOf({ resolved: { config }, surroundings: { job } }: DurationsContext): string[] {
  const sessionId = sessionIdOf(config, job);
  const keys = [...issuersOf(config, job).map((issuer) => sessionKey(issuer, sessionId)), sessionId];
  return [...new Set(keys.map(projectOf))];
}

const copyOf = ({ resolved, workspaceRoot }: DurationsContext): string =>
  join(reportFolderOf(dataDirOf(resolved, workspaceRoot)), IN_REPORT);

async function openHistory({ resolved, workspaceRoot }: DurationsContext): Promise<FileDurationHistory> {
  const { FileDurationHistory: History } = await import('@org/dte-coordinator');
  return new History(historyDirOf(resolved, workspaceRoot), { limits: resolved.limits, onDamage: warn });
}

/**
 * What a coordinator has written about the durations of this project's tasks, if its folder is here (GitLab's job cache, or a folder
 * that jobs share). Null if it is not, or says nothing: a plan is possible without.
 */
export async function knownDurations(context: DurationsContext): Promise<DurationEstimates | null> {
  try {
    const history = await openHistory(context);
    for (const project of projectsOf(context)) {
      const estimates = await history.estimates(project, Date.now());
      if (estimates.results > 0) return estimates;
    }
  } catch (thrown) {
    warn(`the history of durations cannot be read: ${String(thrown)}`);
  }
  return null;
}

/**
 * Keeps a copy with the report of this job, for pipelines that cannot read its cache: GitLab keeps caches of protected branches
 * from others, but not artifacts. Never throws.
 */
export function keepDurations(context: DurationsContext): void {
  const { resolved, workspaceRoot } = context;
  try {
    const folder = historyDirOf(resolved, workspaceRoot);
    const path = projectsOf(context)
      .map((project) => join(folder, `${project}.durations.jsonl`))
      .find((each) => existsSync(each));
    // Without a report, nothing has run.
    if (path !== undefined && existsSync(dirname(copyOf(context)))) copyFileSync(path, copyOf(context));
  } catch (thrown) {
    warn(`the durations of tasks are not in the report: ${String(thrown)}`);
  }
}

/**
 * If nothing is known here, takes what the last pipeline of the default branch knew, from the artifacts of its main job. In the
 * background, and never throws: the first command may begin without.
 */
export async function seedDurations(context: DurationsContext): Promise<void> {
  const { resolved, workspaceRoot, surroundings } = context;
  const { job, authorities } = surroundings;
  // Without an id token, the coordinator of this job has no instance to tell projects apart by.
  const project = resolved.config.idToken === undefined ? projectsOf(context).at(-1) : projectsOf(context)[0];
  if (job === null || project === undefined || (await knownDurations(context)) !== null) return;
  const maxBytes = LIMITS.durationEntries.value * LINE_BYTES;
  const text = await lastArtifact({
    job,
    authorities,
    path: copyOf(context),
    maxBytes,
    timeoutMs: ARTIFACT_MS,
  });
  if (text === null) return;
  try {
    const folder = historyDirOf(resolved, workspaceRoot);
    mkdirSync(folder, { recursive: true });
    // Lines that the coordinator has written meanwhile stay: of two lines of a task, the later run counts.
    appendFileSync(join(folder, `${project}.durations.jsonl`), `${text.trimEnd()}\n`, { mode: 0o600 });
  } catch (thrown) {
    warn(`the durations of the last pipeline cannot be kept: ${String(thrown)}`);
  }
}
