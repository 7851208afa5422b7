/** What runs in a host at the moment, for stopping it. */
export interface CurrentRun {
  /** For people. */
  readonly name: string;
  /** Processes that started earlier are not its own. */
  readonly startedTicks: number;
  readonly isSettled: boolean;
  /** It is about to be stopped. */
  stopping(): void;
  /** Settles it without Nx: its processes have exited and nothing more will happen. */
  abandonNow(): void;
}
