import {
  FileJournalStore,
  MemoryDurationHistory,
  MemoryTaskHistory,
  type Member,
  type Peer,
  Session,
  SessionDurations,
  SessionHistory,
} from '@org/dte-coordinator/core';
import { DteError, encode, type Hello, LIMITS, readLimits, type RunSpec } from '@org/dte-protocol';
import type { SchedulerConfig } from '@org/dte-scheduler';
import type { Deeds, SeededRandom } from '@org/dte-testing';
import { pino } from 'pino';
import { Artifacts, SESSION_ID } from './artifacts';
import { PING, PONG } from './connection';
import { Disk, type Mount } from './disk';
import type { Wire } from './network';
import { demand, Shadow } from './shadow';
import type { Trace } from './trace';

const ROOT = '/data';
const logger = pino({ enabled: false });
/** Restoring a session is retried after this time, as the next client would do. */
const RESTORE_AGAIN_MS = 1_000;

export const limits = readLimits({}).limits;

const CONFIG: Omit<SchedulerConfig, 'agentReturnMs'> = {
  leaseMs: LIMITS.leaseMs.value,
  mainLostMs: LIMITS.mainLostMs.value,
  sessionIdleMs: LIMITS.sessionIdleMs.value,
  attemptsPerTask: LIMITS.attemptsPerTask.value,
  // Small, so that a run needs several frames.
  logEntriesPerFrame: 3,
  frameBytes: LIMITS.frameBytes.value,
  // Far shorter than in production, so that agents leave while tasks run.
  releaseIdleMs: 2_000,
  reserveSlots: LIMITS.reserveSlots.value,
};

export interface CoordinatorOptions {
  readonly random: SeededRandom;
  readonly agentReturnMs: number;
  readonly specs: ReadonlyMap<string, RunSpec>;
  readonly deeds: Deeds;
  readonly trace: Trace;
}

/** The coordinator's process: one session, with its real driver and journal, on a simulated disk and network. */
export class SimulatedCoordinator {
  readonly artifacts = new Artifacts();
  readonly disk: Disk;
  readonly shadow: Shadow;
  private session: Session | null = null;
  private mount: Mount | null = null;
  /** Outlives crashes, like the file of a CI cache. */
  private readonly durations = new MemoryDurationHistory(limits);
  private readonly connections = new Set<ServerConnection>();
  private clockOffsetMs = 0;
  private readonly config: SchedulerConfig;

  constructor(private readonly options: CoordinatorOptions) {
    const { random, agentReturnMs, specs, deeds, trace } = options;
    this.config = { ...CONFIG, agentReturnMs };
    this.disk = new Disk(random.fork());
    this.shadow = new Shadow({ config: this.config, sessionId: SESSION_ID, specs, deeds, trace });
  }

  /** Null if it does not run, or still replays its journal. */
  get running(): Session | null {
    return this.session;
  }

  /** Its process runs. */
  get isUp(): boolean {
    return this.mount !== null;
  }

  start(): void {
    const mount = this.disk.mount();
    this.mount = mount;
    this.open(mount).then(
      (session) => {
        if (this.mount === mount) this.session = session;
      },
      () => {
        if (this.mount === mount) setTimeout(() => this.mount === mount && this.start(), RESTORE_AGAIN_MS);
      },
    );
  }

  /** Ends like a killed process. @param silently its machine has crashed: clients must notice by themselves */
  stop(silently: boolean): void {
    this.mount?.kill();
    this.mount = null;
    this.session = null;
    for (const connection of this.connections) connection.kill(silently);
    this.connections.clear();
  }

  /** Calls back in the middle of the next write; null: never. */
  inNextWrite(action: (() => void) | null): void {
    this.mount?.inNextWrite(action);
  }

  stepClock(byMs: number): void {
    this.clockOffsetMs += byMs;
  }

  /** A replay leads to the current state, whenever nothing is being written. */
  compare(when: string): void {
    if (this.session !== null) this.shadow.compare(this.session.driver.state, when);
  }

  /** A client says hello over a connection. */
  greet(wire: Wire, hello: Hello): void {
    const { session } = this;
    if (session === null) {
      // Nobody listens. The client notices if it can.
      wire.server = { onFrame: () => undefined, onClosed: () => undefined };
      wire.closeServer();
      return;
    }
    const connection = new ServerConnection(wire, hello, () => this.connections.delete(connection));
    this.connections.add(connection);
    connection.admit(session);
  }

  /** Like the registry: loads a session again that could not write its journal. */
  private changed(session: Session): void {
    if (!session.hasFailed || !session.isEmpty || this.session !== session) return;
    this.session = null;
    void session.close().then(() => this.start());
  }

  private async open(mount: Mount): Promise<Session> {
    const store = new FileJournalStore(ROOT, { fs: mount.fileSystem });
    const journal = await store.open({ version: 1, sessionId: SESSION_ID, config: { ...this.config } });
    const now = (): number => Date.now() + this.clockOffsetMs;
    const history = new MemoryTaskHistory(limits);
    return Session.open({
      sessionId: SESSION_ID,
      folder: `${ROOT}/${SESSION_ID}`,
      fs: mount.fileSystem,
      journal: this.shadow.watch(journal),
      artifacts: this.artifacts,
      flakiness: new SessionHistory({ history, project: SESSION_ID, now, logger }),
      durations: new SessionDurations({ history: this.durations, project: SESSION_ID, now, logger }),
      limits,
      now,
      logger,
      onChange: (session) => this.changed(session),
    });
  }
}

/** The coordinator's end of one connection, with the rules of `ws/connection.ts` for silence and refusals. */
class ServerConnection {
  private member: Member | null = null;
  private isOpen = true;
  private heard = true;
  private asked = false;
  private watch: NodeJS.Timeout | null = null;

  constructor(
    private readonly wire: Wire,
    private readonly hello: Hello,
    private readonly onEnded: () => void,
  ) {
    wire.server = { onFrame: (frame) => this.onFrame(frame), onClosed: (isFinal) => this.end(isFinal) };
  }

  admit(session: Session): void {
    session
      .join(this.peer(), () => this.welcome())
      .then(
        (member) => {
          if (this.isOpen) {
            this.member = member;
            this.watch = setInterval(() => this.watchSilence(member), LIMITS.leaseMs.value);
          } else member.leave(false);
        },
        (thrown: unknown) => this.refuse(DteError.from(thrown)),
      );
  }

  /** Its process is gone: its session receives nothing any more. */
  kill(silently: boolean): void {
    this.isOpen = false;
    if (this.watch !== null) clearInterval(this.watch);
    this.wire.closeServer(silently);
  }

  private welcome(): void {
    const { heartbeatMs, leaseMs } = limits;
    this.wire.sendDown(encode({ type: 'welcome', proof: null, token: 'x'.repeat(43), heartbeatMs, leaseMs }));
  }

  private peer(): Peer {
    return {
      hello: this.hello,
      send: (message) => this.wire.sendDown(encode(message)),
      bufferedBytes: () => 0,
      dismiss: (error) => this.refuse(error),
      drop: () => this.terminate(),
    };
  }

  private onFrame(frame: string): void {
    this.heard = true;
    if (frame === PING) this.wire.sendDown(PONG);
    if (frame === PING || frame === PONG) return;
    try {
      // A frame that overtakes the end of the handshake is lost.
      this.member?.receive(frame);
    } catch (thrown) {
      const error = DteError.from(thrown);
      demand(error.code !== 'DTE_INTERNAL', `the coordinator failed on a frame: ${error.message}`);
      demand(error.code !== 'DTE_MALFORMED_MESSAGE', `the codec refuses a frame: ${error.message}`);
      this.refuse(error);
    }
  }

  private watchSilence(member: Member): void {
    if (this.heard) {
      this.heard = false;
      this.asked = false;
    } else if (member.saysHeartbeats || this.asked) this.terminate();
    else {
      this.asked = true;
      this.wire.sendDown(PING);
    }
  }

  private refuse(error: DteError): void {
    if (!this.isOpen) return;
    const reason = { code: error.code, message: error.message.slice(0, 4096) };
    this.wire.sendDown(encode({ type: 'error', reason, fatal: error.severity !== 'retry' }));
    this.terminate();
  }

  private terminate(): void {
    this.wire.closeServer();
    this.end(false);
  }

  private end(isFinal: boolean): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    if (this.watch !== null) clearInterval(this.watch);
    this.wire.server = null;
    this.member?.leave(isFinal);
    this.onEnded();
  }
}
