import type { NxTask, TaskGraph } from '@org/dte-nx-compat';
import { DteError, type ServerReport } from '@org/dte-protocol';
import { historyHash } from '../tasks/history-hash';
import { taskOf } from '../tasks/plan';
import type { Reporter } from '../report/reporter';

export interface ServersOptions {
  readonly graph: TaskGraph;
  /** The servers that agents start for their tasks. */
  readonly servers: readonly string[];
  readonly reporter: Reporter;
  /** Nx counts servers among the tasks of a command (22 and later). */
  readonly counted: boolean;
  /** Adds the hash of a task to Nx's history. */
  readonly record: (task: NxTask) => void;
  readonly settle: (task: NxTask, ending: 'success' | 'failure') => void;
}

/** Lines of a server's output that are shown with a task that failed after it. Not configurable: the agent's log has all of them. */
const SHOWN_LINES = 40;

/** Tasks that need a server, directly or indirectly. */
function usersOf(graph: TaskGraph, servers: readonly string[]): Map<string, Set<string>> {
  const users = new Map(servers.map((id) => [id, new Set<string>()]));
  for (const id of Object.keys(graph.tasks)) {
    if (users.has(id)) continue;
    const seen = new Set([id]);
    // Iteration over a Set follows the order of insertion and includes additions.
    for (const each of seen)
      for (const { id: server } of graph.continuousDependencies[each] ?? [])
        if (users.has(server)) seen.add(server);
    seen.delete(id);
    for (const server of seen) users.get(server)?.add(id);
  }
  return users;
}

/**
 * Reports servers on agents to Nx, as Nx's own runner would: a server starts before the first task that needs it and
 * ends after the last one, or fails if it ended before that. Several agents may have run one each. If they succeeded,
 * the output of the first is shown; the others are in the logs of their jobs.
 */
export class Servers {
  private readonly openUsers: Map<string, Set<string>>;
  private readonly neededBy = new Map<string, string[]>();
  private readonly begun = new Set<string>();
  private readonly ended = new Set<string>();
  /** Server -> agent -> its output there. */
  private readonly output = new Map<string, Map<string, string>>();

  constructor(private readonly options: ServersOptions) {
    this.openUsers = usersOf(options.graph, options.servers);
    // Servers that others need come first, as in the list.
    for (const [server, users] of this.openUsers)
      for (const user of users) this.neededBy.set(user, [...(this.neededBy.get(user) ?? []), server]);
  }

  /** A task starts, or its result arrives: the servers it needs have started before. */
  begin(userId: string): Promise<unknown> {
    return Promise.all((this.neededBy.get(userId) ?? []).map((id) => this.start(id)));
  }

  /** The report of an agent with the result of a task. */
  async hear(agentName: string, reports: readonly ServerReport[]): Promise<void> {
    for (const { taskId, failed, output } of reports) {
      if (!this.openUsers.has(taskId)) continue;
      const byAgent = this.output.get(taskId) ?? new Map<string, string>();
      this.output.set(taskId, byAgent.set(agentName, (byAgent.get(agentName) ?? '') + output));
      if (failed) await this.end(taskId, 'failure', byAgent.get(agentName));
    }
  }

  /** The text below the output of a failed task: a server that ended before is the likely reason. */
  explain(agentName: string, reports: readonly ServerReport[]): string {
    return reports
      .flatMap(({ taskId, ended }) => {
        if (ended === null) return [];
        const lines = (this.output.get(taskId)?.get(agentName) ?? '')
          .trimEnd()
          .split('\n')
          .slice(-SHOWN_LINES);
        const message = `The server that the task needs had exited: ${ended} Its last output:\n${lines.join('\n')}`;
        return [`${new DteError('DTE_SERVER_FAILED', message).explain()}\n`];
      })
      .join('');
  }

  /** A task has ended finally. */
  async over(userId: string): Promise<void> {
    for (const id of this.neededBy.get(userId) ?? []) {
      const open = this.openUsers.get(id);
      open?.delete(userId);
      if (open?.size === 0) await this.end(id, 'success');
    }
  }

  /**
   * The distributed part is over; Nx handles what starts here.
   * @param notMine servers that run here, or that are skipped and did not start
   */
  async finish(notMine: ReadonlySet<string>): Promise<void> {
    for (const id of this.options.servers) {
      if (notMine.has(id)) continue;
      await this.start(id);
      await this.end(id, 'success');
    }
  }

  hasBegun(id: string): boolean {
    return this.begun.has(id);
  }

  private async start(id: string): Promise<void> {
    if (this.begun.has(id)) return;
    this.begun.add(id);
    await this.options.reporter.started(taskOf(this.options.graph, id));
  }

  private async end(id: string, ending: 'success' | 'failure', failedOutput?: string): Promise<void> {
    if (this.ended.has(id)) return;
    this.ended.add(id);
    const { graph, counted, reporter, record, settle } = this.options;
    const task = taskOf(graph, id);
    await this.start(id);
    task.endTime = Date.now();
    // If its hash depends on outputs of others, only the agent computes it.
    task.hash ??= historyHash('server', id);
    record(task);
    const terminalOutput = failedOutput ?? [...(this.output.get(id)?.values() ?? [])][0] ?? '';
    const code = ending === 'success' ? 0 : 1;
    await reporter.ended({
      task,
      status: ending,
      code,
      terminalOutput,
      attempt: null,
      server: { counted },
    });
    if (counted) settle(task, ending);
  }
}
