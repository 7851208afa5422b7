import {
  type AgentToCoordinator,
  agentToCoordinatorSchema,
  decode,
  DteError,
  introductionOf,
  mainToCoordinatorSchema,
  type Reason,
} from '@org/dte-protocol';
import type { AttemptRef, Input } from '@org/dte-scheduler';
import type { ArtifactLookup } from '../artifacts/artifact-store';
import { AgentMailbox } from './agent-mailbox';
import { checkArtifacts, claimsArtifacts } from './artifact-check';
import type { Members } from './members';
import { nameOf, type Peer } from './peer';

/** A client that has joined: `receive` takes its messages; call `leave` once when it has gone. */
export interface Member {
  /** From here on the session may send messages to the client, because its welcome is on the way. */
  start(): void;
  /** @throws DteError DTE_MALFORMED_MESSAGE, DTE_FRAME_TOO_LARGE */
  receive(frame: string): void;
  /** @param isFinal the client has announced that it will not connect again */
  leave(isFinal: boolean): void;
  /** Agents sync at every heartbeat, so silence means that they are gone. Other clients must be asked. */
  readonly saysHeartbeats: boolean;
}

/** The part of the session that a member uses. */
export interface JoinedSession {
  /** The key under which the session is stored. */
  readonly id: string;
  /** Its id for its members. */
  readonly name: string;
  readonly members: Members;
  push(input: Input): void;
  /** Sends one main job or observer the list of members, after queued inputs are applied. */
  inform(peer: Peer): Promise<void>;
  knowsRun(runId: string): boolean;
  /** Does the agent currently hold this attempt? */
  holds(agentId: string, ref: AttemptRef): boolean;
  /** Called by members that have left. */
  left(): void;
  warn(thrown: unknown, what: string): void;
}

const LEFT: Reason = { code: 'DTE_AGENT_LEFT', message: 'The agent left.' };

export class AgentMember implements Member {
  readonly saysHeartbeats = true;
  private readonly mailbox: AgentMailbox;
  private readonly agentId: string;

  constructor(
    private readonly peer: Peer,
    private readonly session: JoinedSession,
    artifacts: ArtifactLookup,
  ) {
    const { clientId, name } = peer.hello;
    this.agentId = clientId;
    this.mailbox = new AgentMailbox({
      needsCheck: claimsArtifacts,
      check: (sync) => checkArtifacts(artifacts, session.id, name, sync),
      deliver: (sync) => this.isCurrent() && session.push({ type: 'agent.sync', agentId: clientId, sync }),
      onError: (thrown) => session.warn(thrown, 'a result could not be verified'),
    });
  }

  start(): void {
    const { members } = this.session;
    const { hello } = this.peer;
    const { slots, labels, spare, capacity, onlyRun } = hello;
    const earlier = members.agents.get(this.agentId);
    members.agents.set(this.agentId, this.peer);
    // The same process on a new connection: the old one is half open and will send nothing more.
    if (earlier !== undefined) earlier.drop();
    this.session.push({
      type: 'agent.joined',
      agent: {
        agentId: this.agentId,
        ...introductionOf(hello),
        slots,
        labels,
        ...(spare === undefined ? {} : { spare }),
        ...(capacity === undefined ? {} : { capacity }),
        ...(onlyRun === undefined ? {} : { onlyRun }),
      },
    });
  }

  receive(frame: string): void {
    const message: AgentToCoordinator = decode(agentToCoordinatorSchema, frame);
    if (message.type === 'agent.sync') this.mailbox.sync(message);
    // Output of an attempt that it has lost, or never had, is ignored: pieces of an ended attempt may arrive late.
    else if (this.session.holds(this.agentId, message)) this.session.members.relay(message);
  }

  leave(isFinal: boolean): void {
    const { agentId } = this;
    this.mailbox.last(() => {
      if (!this.isCurrent()) return;
      this.session.members.agents.delete(agentId);
      this.session.push(
        isFinal ? { type: 'agent.removed', agentId, reason: LEFT } : { type: 'agent.disconnected', agentId },
      );
      this.session.left();
    });
  }

  private isCurrent(): boolean {
    return this.session.members.agents.get(this.agentId) === this.peer;
  }
}

export class MainMember implements Member {
  readonly saysHeartbeats = false;

  constructor(
    private readonly peer: Peer,
    private readonly session: JoinedSession,
  ) {}

  start(): void {
    this.session.members.mains.add(this.peer);
    this.session
      .inform(this.peer)
      .catch((thrown: unknown) => this.session.warn(thrown, 'a main job was not informed'));
  }

  receive(frame: string): void {
    const sync = decode(mainToCoordinatorSchema, frame);
    if (!this.session.knowsRun(sync.runId)) {
      const message = `Session ${this.session.name} has no run ${sync.runId}.`;
      this.peer.send({ type: 'error', reason: { code: 'DTE_UNKNOWN_RUN', message }, fatal: false });
      return;
    }
    this.session.members.follow(sync.runId, this.peer);
    this.session.push({ type: 'main.sync', sync });
  }

  leave(): void {
    const { members } = this.session;
    if (!members.mains.delete(this.peer)) return;
    for (const runId of members.unfollowAll(this.peer))
      this.session.push({ type: 'main.disconnected', runId });
    this.session.push({ type: 'main.left' });
    this.session.left();
  }
}

export class ObserverMember implements Member {
  readonly saysHeartbeats = false;

  constructor(
    private readonly peer: Peer,
    private readonly session: JoinedSession,
  ) {}

  start(): void {
    this.session.members.observers.add(this.peer);
    this.session
      .inform(this.peer)
      .catch((thrown: unknown) => this.session.warn(thrown, 'an observer was not informed'));
  }

  receive(): void {
    throw new DteError(
      'DTE_MALFORMED_MESSAGE',
      `${nameOf(this.peer.hello)} sent a message, but observers may only read.`,
    );
  }

  leave(): void {
    if (this.session.members.observers.delete(this.peer)) this.session.left();
  }
}
