/** The CI job of this process, as described by CI; null means that CI does not provide the value. */
export interface OwnJob {
  /** A different one for each try of the job. */
  readonly id: string | null;
  readonly name: string | null;
  /** Address of its log. */
  readonly url: string | null;
  readonly projectId: string | null;
  readonly pipelineId: string | null;
  /** The CI instance's own name for itself: its id tokens are accepted if no issuers are configured. */
  readonly serverUrl: string | null;
  /** The clone of the job; paths of its artifacts start here. */
  readonly projectDir: string | null;
  /** Address below which CI shows the files among the artifacts of the job, when it has ended. */
  readonly artifactsUrl: string | null;
  /** Its log shows collapsible sections, and has a limited size. */
  readonly foldsLog: boolean;
  /** Can CI be asked whether the job still runs? */
  readonly isWatched: boolean;
}

/** Where this process runs, determined once at the edge: nothing here reads variables of CI. */
export interface Surroundings {
  /** Null outside CI. */
  readonly job: OwnJob | null;
  /** CA certificates that are trusted in addition to the usual ones, PEM. */
  readonly authorities: readonly string[];
  /** Path of our own CLI, for child processes: the same version, whatever else is installed. */
  readonly cliPath: string;
}
