import type { ArtifactStore } from '../artifacts/artifact-store';
import { Publications } from '../shared/publications';
import type { SharedResults } from '../shared/shared-results';
import type { RunSpecStore } from './run-specs';

/** The parts of a session that its publications need. */
interface Source {
  readonly sessionId: string;
  readonly artifacts: ArtifactStore;
  readonly now: () => number;
  /** Null or omitted: its results stay in the session. */
  readonly shared?: SharedResults | null;
}

/** What publishes the results of a session; null if it shares nothing. */
export function publicationsOf(
  { shared, artifacts, sessionId, now }: Source,
  runs: RunSpecStore,
  warn: (thrown: unknown, what: string) => void,
): Publications | null {
  if (shared === undefined || shared === null) return null;
  const specOf = async (runId: string) => (await runs.read(runId)).spec;
  return new Publications({ sessionId, artifacts, shared, specOf, now, warn });
}
