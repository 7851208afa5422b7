/** The CI job that this process is part of, as far as CI tells; null is "it does not say". */
export interface OwnJob {
  /** Another one for each try of the job. */
  readonly id: string | null;
  readonly name: string | null;
  /** Where people read its log. */
  readonly url: string | null;
  readonly projectId: string | null;
  readonly pipelineId: string | null;
  /** How the CI instance calls itself: its id tokens count where no issuers are named. */
  readonly serverUrl: string | null;
  /** Can CI be asked whether the job still runs? */
  readonly isWatched: boolean;
}

/** Where this process is, found out once at the edge: nothing here reads variables of CI. */
export interface Surroundings {
  /** Null outside CI. */
  readonly job: OwnJob | null;
  /** Certificates of authorities that are trusted in addition to the usual ones, PEM. */
  readonly authorities: readonly string[];
  /** Path of our own command line program, for processes that this one starts: of the same version, whatever else is installed. */
  readonly cliPath: string;
}
