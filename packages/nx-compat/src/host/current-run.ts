/** What runs in a host at the moment, as far as ending it goes. */
export interface CurrentRun {
  /** For people. */
  readonly name: string;
  /** Processes that began before are not its own. */
  readonly startedTicks: number;
  readonly isSettled: boolean;
  /** It is about to be ended. */
  stopping(): void;
  /** Settles it without Nx: its processes are gone and nothing more will come. */
  abandonNow(): void;
}
