import type { Connection, ConnectionState } from '@org/dte-client';
import {
  DteError,
  type CoordinatorToMain,
  type LimitValues,
  type MainSync,
  type RendezvousReport,
  type RunLogEntry,
  type RunOutput,
  type RunSummary,
  type SessionInfo,
} from '@org/dte-protocol';
import { judgeAvailability } from './availability';
import { RunFollower } from './run-follower';
import { ReportWatch } from './report-watch';

/** How long acknowledgements wait for each other. */
const ACK_MS = 500;

export interface FollowOptions {
  readonly connection: Pick<Connection<CoordinatorToMain>, 'state' | 'onMessage' | 'onState' | 'send'>;
  readonly runId: string;
  /** Who serves the session, as last heard before the run began. */
  readonly info: SessionInfo | null;
  /** Tasks that will have an ended entry. */
  readonly expected: number;
  readonly limits: Pick<LimitValues, 'coordinatorGraceMs' | 'agentWaitMs' | 'reportsPollMs'>;
  /** Reads what agents report that cannot reach the coordinator. */
  readonly reports: () => Promise<readonly RendezvousReport[]>;
  readonly onEntry: (entry: RunLogEntry) => void;
  readonly onOutput: (output: RunOutput) => void;
  readonly onSession: (info: SessionInfo) => void;
  /** Default: Date.now. */
  readonly now?: () => number;
}

export interface Following {
  /** Resolves with null when the run is over, or with the reason for which waiting makes no more sense. */
  readonly over: Promise<DteError | null>;
  readonly summary: () => RunSummary;
  /** seq of the last log entry seen. */
  readonly ackSeq: () => number;
  /** Stops the run on the agents; `over` resolves when they have. */
  cancel(): void;
}

const servesNow = ({ connected, draining, running }: SessionInfo['agents'][number]): boolean =>
  connected && (!draining || running.length > 0);

/** A summary some time after it was said: what runs has run on. */
const aged = (summary: RunSummary, ms: number): RunSummary =>
  summary.oldestRunning === null
    ? summary
    : { ...summary, oldestRunning: { ...summary.oldestRunning, forMs: summary.oldestRunning.forMs + ms } };

/** Follows one run over every loss of the connection, until it is over or waiting makes no more sense. */
export function followRun(options: FollowOptions): Following {
  const { connection, runId, limits, now = Date.now } = options;
  const follower = new RunFollower(options.expected);
  let want: MainSync['want'] = 'follow';
  let heardAtMs = now();
  let coordinatorGoneSinceMs: number | null = connection.state.name === 'open' ? null : now();
  let agentsGoneSinceMs: number | null = now();
  let unreached: readonly RendezvousReport[] = [];
  let served = false;
  let watch: ReportWatch | null = null;
  let timer: NodeJS.Timeout | undefined;
  let settle: (outcome: DteError | null) => void = () => undefined;

  let ackTimer: NodeJS.Timeout | undefined;
  const sync = (): void => {
    clearTimeout(ackTimer);
    ackTimer = undefined;
    connection.send({ type: 'main.sync', runId, ackSeq: follower.ackSeq, want });
  };
  // An acknowledgement only lets the coordinator forget: nobody waits for it.
  const syncSoon = (): void => void (ackTimer ??= setTimeout(sync, ACK_MS));

  const over = new Promise<DteError | null>((resolve) => {
    settle = (outcome) => {
      clearTimeout(timer);
      clearTimeout(ackTimer);
      watch?.stop();
      removeListeners.forEach((remove) => remove());
      resolve(outcome);
    };
  });

  function judge(): void {
    clearTimeout(timer);
    const verdict = judgeAvailability(
      { coordinatorGoneSinceMs, agentsGoneSinceMs, unreached },
      limits,
      now(),
    );
    if (verdict.kind === 'give-up') settle(verdict.error);
    else if (verdict.askAgainAtMs !== null)
      timer = setTimeout(judge, Math.max(1, verdict.askAgainAtMs - now()));
  }

  /** Once an agent is there, agents can reach this job, and whoever reports otherwise is an exception. */
  function agentsHeardOf(some: boolean): void {
    if (some) {
      served = true;
      unreached = [];
      watch?.stop();
    } else if (!served) {
      watch ??= new ReportWatch({
        read: options.reports,
        everyMs: limits.reportsPollMs,
        onReports: (reports) => {
          unreached = reports;
          judge();
        },
      });
    }
  }

  function agentsSeen(present: boolean): void {
    agentsGoneSinceMs = present ? null : (agentsGoneSinceMs ?? now());
    judge();
  }

  function onMessage(message: CoordinatorToMain): void {
    switch (message.type) {
      case 'run.update': {
        if (message.runId !== runId) return;
        const news = follower.take(message);
        heardAtMs = now();
        news.entries.forEach(options.onEntry);
        if (news.gap) sync();
        else if (news.entries.length > 0) syncSoon();
        if (news.over) settle(null);
        else if (message.summary.agents > 0) {
          agentsHeardOf(true);
          agentsSeen(true);
        }
        return;
      }
      case 'run.output':
        if (message.runId === runId) options.onOutput(message);
        return;
      case 'session.info': {
        options.onSession(message);
        // The worker of another command works for that alone.
        const agents = message.agents.filter(({ onlyRun = runId }) => onlyRun === runId);
        agentsHeardOf(agents.length > 0);
        const present = agents.some(servesNow);
        // Nobody comes any more to a session that is over: waiting would be for nothing.
        if (message.state === 'finished' && !present) {
          settle(
            new DteError(
              'DTE_SESSION_FINISHED',
              'the session is finished and its agents have left; the main job runs what is left itself',
            ),
          );
        } else agentsSeen(present);
        return;
      }
      case 'error':
        if (message.reason.code === 'DTE_UNKNOWN_RUN')
          settle(new DteError(message.reason.code, message.reason.message));
        return;
    }
  }

  function onState(state: ConnectionState): void {
    switch (state.name) {
      case 'open':
        coordinatorGoneSinceMs = null;
        // Agents have to find the way back as well; their wait begins anew.
        if (agentsGoneSinceMs !== null) agentsGoneSinceMs = now();
        sync();
        return judge();
      case 'connecting':
        coordinatorGoneSinceMs ??= now();
        return judge();
      case 'failed':
        return settle(state.error);
      case 'closed':
        return settle(new DteError('DTE_COORDINATOR_LOST', 'The connection to the coordinator was closed.'));
    }
  }

  const removeListeners = [connection.onMessage(onMessage), connection.onState(onState)];
  if (options.expected === 0) settle(null);
  else {
    sync();
    judge();
    if (options.info !== null) onMessage(options.info);
  }
  return {
    over,
    summary: () => aged(follower.summary, now() - heardAtMs),
    ackSeq: () => follower.ackSeq,
    cancel: () => {
      want = 'cancel';
      sync();
    },
  };
}
