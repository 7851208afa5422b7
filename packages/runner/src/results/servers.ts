import type { NxTask, TaskGraph } from '@org/dte-nx-compat';
import { DteError, type ServerReport } from '@org/dte-protocol';
import { historyHash } from '../tasks/history-hash';
import { taskOf } from '../tasks/plan';
import type { Reporter } from '../report/reporter';

export interface ServersOptions {
  readonly graph: TaskGraph;
  /** The servers that agents start for the tasks they run. */
  readonly servers: readonly string[];
  readonly reporter: Reporter;
  /** Nx counts servers among the tasks of a command (22 and later). */
  readonly counted: boolean;
  /** Makes the hash of a task known to Nx's history. */
  readonly record: (task: NxTask) => void;
  readonly settle: (task: NxTask, ending: 'success' | 'failure') => void;
}

/** Lines of a server's output that are shown with a task that failed after it. No limit: the agent's log has all of them. */
const SHOWN_LINES = 40;

/** Tasks that need a server, directly or over other servers. */
function usersOf(graph: TaskGraph, servers: readonly string[]): Map<string, Set<string>> {
  const users = new Map(servers.map((id) => [id, new Set<string>()]));
  for (const id of Object.keys(graph.tasks)) {
    if (users.has(id)) continue;
    const seen = new Set([id]);
    // A Set is walked in the order of insertion, additions included.
    for (const each of seen)
      for (const { id: server } of graph.continuousDependencies[each] ?? [])
        if (users.has(server)) seen.add(server);
    seen.delete(id);
    for (const server of seen) users.get(server)?.add(id);
  }
  return users;
}

/**
 * What the main job tells Nx of servers that run on agents, as Nx's own runner would: a server begins before the first task
 * that needs it and ends after the last one, or fails when it ended before. Several agents may have run one each; of those that
 * went well the output of the first is shown, the others are in the logs of their jobs.
 */
export class Servers {
  private readonly openUsers: Map<string, Set<string>>;
  private readonly neededBy = new Map<string, string[]>();
  private readonly begun = new Set<string>();
  private readonly ended = new Set<string>();
  /** Server -> agent -> what it printed there. */
  private readonly output = new Map<string, Map<string, string>>();

  constructor(private readonly options: ServersOptions) {
    this.openUsers = usersOf(options.graph, options.servers);
    // Servers that others need come first, as they are listed.
    for (const [server, users] of this.openUsers)
      for (const user of users) this.neededBy.set(user, [...(this.neededBy.get(user) ?? []), server]);
  }

  /** A task begins, or its result is there: the servers it needs have begun before. */
  begin(userId: string): Promise<unknown> {
    return Promise.all((this.neededBy.get(userId) ?? []).map((id) => this.start(id)));
  }

  /** What an agent says with a result of a task. */
  async hear(agentName: string, reports: readonly ServerReport[]): Promise<void> {
    for (const { taskId, failed, output } of reports) {
      if (!this.openUsers.has(taskId)) continue;
      const byAgent = this.output.get(taskId) ?? new Map<string, string>();
      this.output.set(taskId, byAgent.set(agentName, (byAgent.get(agentName) ?? '') + output));
      if (failed) await this.end(taskId, 'failure', byAgent.get(agentName));
    }
  }

  /** What is said below the output of a task that failed: a server that ended before is the likely reason. */
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

  /** A task has ended for good. */
  async over(userId: string): Promise<void> {
    for (const id of this.neededBy.get(userId) ?? []) {
      const open = this.openUsers.get(id);
      open?.delete(userId);
      if (open?.size === 0) await this.end(id, 'success');
    }
  }

  /**
   * The distributed part is over; what begins here is Nx's business.
   * @param notMine servers that run here, or that are skipped and did not begin
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
    // One that depends on outputs of others is hashed by the agent alone.
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
