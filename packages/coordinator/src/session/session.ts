import { sessionIdOf } from '@org/dte-identity';
import {
  DEFAULT_SESSION_SETTINGS,
  DteError,
  type LimitValues,
  type Reason,
  type RunAccepted,
  type SessionRecord,
  type SessionSettings,
  type SessionStatus,
} from '@org/dte-protocol';
import {
  type AttemptNumber,
  type AttemptRef,
  checkRun,
  describe,
  type Effects,
  holds,
  type Input,
  isClosed,
  sessionInfo,
  storingAttempts,
} from '@org/dte-scheduler';
import type { Logger } from 'pino';
import type { ArtifactStore } from '../artifacts/artifact-store';
import type { FileSystem } from '../files/file-system';
import type { Journal, Snapshot } from '../journal/journal';
import { SessionLog } from '../log/session-log';
import type { SessionReport } from '../report/session-report';
import type { Publications } from '../shared/publications';
import { readableBy } from '../shared/readable-by';
import type { SharedResults } from '../shared/shared-results';
import { requireAdmission } from './admission';
import { Compaction } from './compaction';
import { AgentMember, type JoinedSession, MainMember, type Member, ObserverMember } from './member';
import { SessionWorkspace } from './session-workspace';
import { deliver } from './delivery';
import { dismissDiffering } from './differing-agents';
import type { ForwardedEnvs } from './forwarded-env';
import { type DriverOptions, SessionDriver } from './driver';
import { Members } from './members';
import type { Peer } from './peer';
import { parseRun } from './parse-run';
import { publicationsOf } from './publications-of';
import { RecordStore } from './records';
import { restore } from './restore';
import { runAccepted, runInput } from './run-input';
import { RunSpecStore } from './run-specs';
import { encodeSnapshot } from './snapshot';
import type { SessionDurations } from './session-durations';
import type { SessionHistory } from './session-history';
import { SessionMemory } from './session-memory';

export interface SessionDeps {
  /** The key under which it is stored: see `sessionKey` of @org/dte-identity. */
  readonly sessionId: string;
  readonly folder: string;
  readonly fs: FileSystem;
  readonly journal: Journal;
  readonly artifacts: ArtifactStore;
  readonly flakiness: SessionHistory;
  readonly durations: SessionDurations;
  readonly limits: LimitValues;
  readonly now: () => number;
  readonly logger: Logger;
  readonly meter?: DriverOptions['meter'];
  /** Called when the session has finished, was reopened, or its last member has left: the registry checks it. */
  readonly onChange: (session: Session) => void;
  /** Omitted: nobody looks at this session while it runs. */
  readonly report?: SessionReport | null;
  /** Null or omitted: its results stay here. */
  readonly shared?: SharedResults | null;
}

/** One CI pipeline execution: its state machine, its members and what it stores on disk. */
export class Session implements JoinedSession {
  readonly id: string;
  readonly name: string;
  readonly members: Members;
  readonly runs: RunSpecStore;
  readonly report: SessionReport | null;
  /** Null: nothing of this session is shared. */
  readonly publications: Publications | null;
  private readonly log: SessionLog;
  private readonly memory: SessionMemory;
  /** Only the session changes its state. */
  readonly driver: SessionDriver;
  private readonly compaction: Compaction;
  private closed = false;
  private failure: DteError | null = null;
  private joining = 0;
  private emptySinceMs: number;
  private readonly workspace: SessionWorkspace;

  private constructor(
    private readonly deps: SessionDeps,
    private readonly records: RecordStore,
  ) {
    this.id = deps.sessionId;
    this.name = sessionIdOf(deps.sessionId);
    this.emptySinceMs = deps.now();
    this.report = deps.report ?? null;
    this.members = new Members(deps.limits.outputBufferBytes, this.report?.output ?? null);
    this.workspace = new SessionWorkspace(deps.fs, deps.folder);
    this.runs = new RunSpecStore(deps.fs, deps.folder, deps.limits.runSpecBytes);
    const logger = deps.logger.child({ session: this.name });
    this.log = new SessionLog(logger, (agentId) => this.members.machineOf(agentId));
    this.memory = new SessionMemory(this.log);
    this.publications = publicationsOf(deps, this.runs, (thrown, what) => this.warn(thrown, what));
    this.compaction = new Compaction({
      journal: deps.journal,
      limits: deps.limits,
      take: () => this.snapshot(),
      release: () => this.runs.removeClosed((runId) => isClosed(this.driver.state, runId)),
      onCompacted: (facts) => this.log.compacted(facts),
      onFailed: (error) => this.log.notCompacted(error),
    });
    this.driver = new SessionDriver({
      journal: deps.journal,
      sessionId: this.name,
      now: deps.now,
      retryMs: deps.limits.journalRetryMs,
      stepped: (step) => {
        this.report?.step({ ...step, state: this.driver.state });
        this.publications?.stepped(step.input, step.effects);
      },
      perform: (effects) => this.perform(effects),
      settle: () => this.compaction.run(),
      onDelayed: (error) => this.log.journalDelayed(error),
      onWritten: (failedWrites) => this.log.journalWritten(failedWrites),
      onFailed: (error) => this.fail(error),
      meter: deps.meter,
    });
  }

  /** Creates a session, or restores it from its journal. */
  static async open(deps: SessionDeps): Promise<Session> {
    const session = new Session(deps, await RecordStore.open(deps.fs, deps.folder));
    await session.workspace.load();
    const startedMs = performance.now();
    const { journal, folder } = deps;
    const { runs, driver, memory, log, compaction, report } = session;
    const { durations } = deps;
    const restored = { journal, folder, runs, driver, memory, log, compaction, report, durations };
    const replayed = await restore(restored);
    // All earlier connections are gone. This also sets the timer for deadlines that have passed since then.
    if (replayed !== null) await driver.apply({ type: 'session.restored' });
    // Not before: jobs are waiting for the session, and for its report at most a page.
    void report?.catchUp();
    log.opened(replayed, Math.round(performance.now() - startedMs));
    return session;
  }

  /** Its journal could not be written: nothing is decided until it is loaded again. */
  get hasFailed(): boolean {
    return this.failure !== null;
  }

  get isFinished(): boolean {
    return this.memory.isFinished;
  }

  get forwardedEnv(): ForwardedEnvs {
    return this.memory.forwardedEnv;
  }

  /** Finished, and without members who could reopen it. */
  get isOver(): boolean {
    return this.isFinished && this.isEmpty;
  }

  /** Has no members, and none is about to join. */
  get isEmpty(): boolean {
    return this.members.size === 0 && this.joining === 0;
  }

  /** Since when it has no members and nothing to come back for; null while it has. */
  get unusedSinceMs(): number | null {
    const { settings } = this.driver.state.session;
    const isUsed =
      !this.isEmpty ||
      this.memory.submissions.size > 0 ||
      settings !== DEFAULT_SESSION_SETTINGS ||
      this.records.heads().length > 0;
    return isUsed ? null : this.emptySinceMs;
  }

  /**
   * Adds an authenticated client. Checks state, identity and limits, in this order. If all are fine, calls `welcome`
   * before the session sends anything to the client.
   * @throws DteError DTE_SESSION_FINISHED, those of `compareWorkspaces` (DTE_COMMIT_MISMATCH, ...), DTE_LIMIT_REACHED,
   * DTE_COORDINATOR_LOST (the session is being unloaded: retry), DTE_DISK_FULL and other errors of a journal that cannot
   * be written
   */
  async join(peer: Peer, welcome: () => void): Promise<Member> {
    if (this.closed) throw new DteError('DTE_COORDINATOR_LOST', `Session ${this.name} is shutting down.`);
    // No message would have an effect, and the client would wait for an answer forever.
    if (this.failure !== null) throw this.failure;
    this.joining += 1;
    try {
      const member = await this.admit(peer);
      welcome();
      member.start();
      return member;
    } finally {
      this.joining -= 1;
      this.emptySinceMs = this.deps.now();
    }
  }

  push(input: Input): void {
    this.driver.push(input);
  }

  /** @param name null: for unauthenticated clients */
  refuse(name: string | null, reason: Reason): void {
    this.driver.push({ type: 'agent.refused', name, reason });
  }

  async inform(peer: Peer): Promise<void> {
    if (peer.hello.role === 'main') await this.driver.apply({ type: 'main.connected' });
    peer.send(sessionInfo(this.driver.state));
  }

  knowsRun(runId: string): boolean {
    return this.memory.submissions.has(runId);
  }

  holds(agentId: string, ref: AttemptRef): boolean {
    return holds(this.driver.state, agentId, ref);
  }

  /** The attempts that the agent makes now and whose outputs may have this hash. */
  storingAttempts(agentId: string, hash: string): AttemptNumber[] {
    return storingAttempts(this.driver.state, agentId, hash);
  }

  left(): void {
    this.emptySinceMs = this.deps.now();
    if (this.members.size === 0) this.deps.onChange(this);
  }

  warn(thrown: unknown, what: string): void {
    this.log.warn(thrown, what);
  }

  configure(settings: SessionSettings): Promise<void> {
    return this.driver.apply({ type: 'session.configure', settings });
  }

  complete(): Promise<void> {
    return this.driver.apply({ type: 'session.complete' });
  }

  record(record: SessionRecord): Promise<void> {
    return this.records.add(record);
  }

  async status(): Promise<SessionStatus> {
    const flaky = await this.deps.flakiness.shown();
    return { ...describe(this.driver.state), records: [...this.records.heads()], flaky };
  }

  /**
   * @param raw the spec as it was received; stored for the executors, which get the same bytes
   * @throws DteError DTE_MALFORMED_MESSAGE, DTE_INVALID_RUN, DTE_DISK_FULL
   */
  async submit(raw: Buffer): Promise<RunAccepted> {
    const spec = await parseRun(raw, this.deps.limits.runSpecBytes);
    const { submissions } = this.memory;
    const known = submissions.get(spec.runId);
    if (known === undefined) {
      const objection = checkRun(spec);
      if (objection !== null) throw objection;
      this.memory.begin(spec, this.deps.now());
      this.publications?.begin(spec);
      this.deps.durations.begin(spec);
      const submitting = this.runs.save(spec.runId, raw).then(async (bytesOnDisk) => {
        await this.driver.apply(await runInput(spec, this.driver.state, this.deps));
        this.compaction.addSpec(bytesOnDisk);
      });
      this.runs.lean.add(spec, raw);
      submissions.set(spec.runId, submitting);
      submitting.catch(() => submissions.delete(spec.runId));
      await submitting;
    } else {
      await known;
    }
    return runAccepted(this.driver.state, spec.runId);
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.driver.close();
    await this.report?.close();
  }

  /** Also keeps what the entries of the journal told that are about to go. */
  private async snapshot(): Promise<Snapshot> {
    await this.report?.save();
    return encodeSnapshot(this.memory.image(this.driver.state));
  }

  private perform(effects: readonly Effects[]): void {
    deliver(effects, this.members);
    const wasFinished = this.isFinished;
    const nowMs = this.deps.now();
    for (const each of effects) {
      this.memory.note(each.events);
      this.log.note(each.events, nowMs);
    }
    this.deps.flakiness.note(effects);
    this.deps.durations.note(effects);
    if (wasFinished !== this.isFinished) this.deps.onChange(this);
  }

  private async admit(peer: Peer): Promise<Member> {
    switch (peer.hello.role) {
      case 'observer':
        return new ObserverMember(peer, this);
      case 'agent':
        this.checkAgent(peer);
        return new AgentMember(peer, this, readableBy(peer, this.deps));
      case 'main':
        await this.workspace.take(peer, this.isBusy(), (identity) => dismissDiffering(identity, this));
        return new MainMember(peer, this);
    }
  }

  private checkAgent({ hello }: Peer): void {
    const { name, isFinished } = this;
    const { identity } = this.workspace;
    const others = this.members.agentsBeside(hello.clientId);
    requireAdmission(hello, { name, isFinished, identity, others, limits: this.deps.limits });
  }

  private isBusy(): boolean {
    return (
      this.members.mains.size > 0 || describe(this.driver.state).runs.some(({ state }) => state === 'running')
    );
  }

  private fail(error: DteError): void {
    this.failure = error;
    this.log.failed(error);
    for (const peer of this.members.all()) peer.dismiss(error);
    if (this.isEmpty) this.deps.onChange(this);
  }
}
