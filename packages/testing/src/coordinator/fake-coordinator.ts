import { createHash, createHmac, randomBytes } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import {
  type AgentOutput,
  type AgentSync,
  type AgentWanted,
  type Assignment,
  type Challenge,
  type ErrorCode,
  type Hello,
  type Message,
  type RunSpec,
  type Signed,
  type Welcome,
  CHANNEL_BINDING_EXPORT,
  DIGEST_HEADER,
  HTTP,
  PROTOCOL_VERSION,
  UNBOUND,
  agentToCoordinatorSchema,
  decode,
  digestHeaderOf,
  encode,
  helloSchema,
  proofInput,
} from '@org/dte-protocol';
import { waitFor } from '../process';
import { type WebSocket, WebSocketServer } from 'ws';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A coordinator controlled by a test: it sends the challenge, records what it receives and sends what the test gives it. */
export class FakeCoordinator {
  /** Secret that it claims to know and signs with. */
  secret: string | undefined;
  /** Rejects every hello with this error. */
  refusal: { code: ErrorCode; message: string } | null = null;
  /** Modifies a welcome after it was signed. */
  tamper: (welcome: Welcome) => Welcome = (welcome) => welcome;
  /** Accepts sockets and never sends a challenge. */
  mute = false;
  /** Answers syncs with the newest `wanted`. */
  answers = true;
  heartbeatMs = 60_000;
  /** Id token of its own job, for the welcome. */
  idToken: string | null = null;
  readonly hellos: Hello[] = [];
  readonly syncs: AgentSync[] = [];
  readonly outputs: AgentOutput[] = [];
  readonly requests: string[] = [];
  readonly stored = new Map<string, Buffer>();
  readonly runs = new Map<string, RunSpec>();
  /** Values of `forwardEnv` for every run. */
  forwarded: Record<string, string> = {};
  handler: Handler | null = null;
  token = 'token-1';
  private sockets = new Set<WebSocket>();
  private tcp = new Set<Socket>();
  private current: AgentWanted = { type: 'agent.wanted', seq: 0, assignments: [], slots: null, stop: null };
  private readonly server: Server;
  private readonly webSockets: WebSocketServer;

  private constructor(private readonly tls: { key: string; cert: string } | null) {
    const onRequest = (request: IncomingMessage, response: ServerResponse) =>
      this.onRequest(request, response);
    this.server = tls === null ? createServer(onRequest) : createSecureServer(tls, onRequest);
    this.webSockets = new WebSocketServer({ server: this.server, path: HTTP.connect });
  }

  static async start(tls: { key: string; cert: string } | null = null): Promise<FakeCoordinator> {
    const fake = new FakeCoordinator(tls);
    fake.webSockets.on('connection', (socket, { socket: tcp }) => fake.greet(socket, tcp));
    fake.server.on('connection', (socket) => {
      fake.tcp.add(socket);
      socket.on('close', () => fake.tcp.delete(socket));
    });
    await new Promise<void>((resolve) => fake.server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get url(): string {
    return `${this.tls === null ? 'http' : 'https'}://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  get connections(): number {
    return this.sockets.size;
  }

  get lastSync(): AgentSync | undefined {
    return this.syncs[this.syncs.length - 1];
  }

  /** Sets what it wants from now on. */
  want(change: Partial<Omit<AgentWanted, 'type'>>): void {
    this.current = { ...this.current, ...change };
    this.say(this.current);
  }

  say(message: Message): void {
    for (const socket of this.sockets) socket.send(encode(message));
  }

  sayRaw(frame: string): void {
    for (const socket of this.sockets) socket.send(frame);
  }

  /** Stops reading and writing, without closing the connection, so that the other side cannot notice. */
  freeze(): void {
    for (const socket of this.sockets) socket.pause();
  }

  /** Continues to read and write. */
  thaw(): void {
    for (const socket of this.sockets) socket.resume();
  }

  /** Destroys every connection. */
  drop(): void {
    for (const socket of this.sockets) socket.terminate();
  }

  /** Waits until a sync matches. */
  async waitForSync(what: string, looksRight: (sync: AgentSync) => boolean): Promise<AgentSync> {
    return waitFor(
      what,
      () => (this.lastSync !== undefined && looksRight(this.lastSync) ? this.lastSync : null),
      {
        deadlineMs: 15_000,
        lastState: () => JSON.stringify({ lastSync: this.lastSync, wanted: this.current }),
      },
    );
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.terminate();
    for (const socket of this.tcp) socket.destroy();
    this.webSockets.close();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private greet(socket: WebSocket, tcp: Socket): void {
    this.sockets.add(socket);
    socket.on('close', () => this.sockets.delete(socket));
    socket.on('error', () => undefined);
    if (this.mute) return;
    const challenge: Challenge = {
      type: 'challenge',
      protocolVersion: PROTOCOL_VERSION,
      serverNonce: randomBytes(16).toString('hex'),
      channelBinding: tcp instanceof TLSSocket ? 'tls-exporter' : 'none',
    };
    socket.once('message', (data: Buffer) => {
      const hello = decode(helloSchema, data.toString('utf8'));
      this.hellos.push(hello);
      this.answer(socket, tcp, challenge, hello);
    });
    socket.send(encode(challenge));
  }

  private answer(socket: WebSocket, tcp: Socket, challenge: Challenge, hello: Hello): void {
    const { label, bytes } = CHANNEL_BINDING_EXPORT;
    const channel =
      tcp instanceof TLSSocket
        ? tcp.exportKeyingMaterial(bytes, label, Buffer.alloc(0)).toString('hex')
        : UNBOUND;
    const sign = (signed: Signed): string =>
      createHmac('sha256', this.secret ?? '')
        .update(proofInput(signed, { challenge, hello, channel }))
        .digest('hex');
    const wrong = this.secret !== undefined && hello.proof !== sign({ speaker: 'client' });
    const reason = wrong ? { code: 'DTE_BAD_SECRET' as const, message: 'wrong secret' } : this.refusal;
    if (reason !== null) {
      const answer = { type: 'error', reason, fatal: true } as const;
      const isSigned = this.secret !== undefined && !wrong;
      socket.send(encode(isSigned ? { ...answer, proof: sign({ speaker: 'server', answer }) } : answer));
      socket.close();
      return;
    }
    const answer = {
      type: 'welcome' as const,
      token: this.token,
      idToken: this.idToken,
      heartbeatMs: this.heartbeatMs,
      leaseMs: 60_000,
    };
    const proof = this.secret === undefined ? null : sign({ speaker: 'server', answer });
    socket.on('message', (data: Buffer) => this.receive(socket, data.toString('utf8')));
    const said = this.tamper({ ...answer, proof });
    socket.send(encode(said));
  }

  private receive(socket: WebSocket, frame: string): void {
    const message = decode(agentToCoordinatorSchema, frame);
    if (message.type === 'agent.output') {
      this.outputs.push(message);
      return;
    }
    this.syncs.push(message);
    // Like the real one: a completed attempt is accepted and no longer wanted.
    const done = new Set(message.work.filter(({ phase }) => phase.name === 'completed').map(idOf));
    if (!this.answers) return;
    this.current = {
      ...this.current,
      seq: message.seq,
      assignments: this.current.assignments.filter((assignment) => !done.has(idOf(assignment))),
    };
    socket.send(encode(this.current));
  }

  private onRequest(request: IncomingMessage, response: ServerResponse): void {
    const path = request.url ?? '';
    this.requests.push(`${request.method ?? ''} ${path}`);
    if (this.handler !== null) {
      this.handler(request, response);
      return;
    }
    const [runId = '', below] = path.replace(/\?.*$/, '').slice('/v1/runs/'.length).split('/');
    const run = this.runs.get(runId);
    if (request.method === 'GET' && run !== undefined) {
      response.end(JSON.stringify(below === 'env' ? { values: this.forwarded } : run));
      return;
    }
    response.writeHead(404, { 'x-dte-error': 'DTE_UNKNOWN_RUN' }).end('no such run\n');
  }
}

/** Answers with an artifact, and with its sha256, or with that of the bytes that should have been stored. */
export function sendArtifact(response: ServerResponse, body: Buffer, stored: Buffer = body): ServerResponse {
  const sha256 = createHash('sha256').update(stored).digest('base64');
  return response.setHeader(DIGEST_HEADER, digestHeaderOf(sha256)).end(body);
}

const idOf = ({ runId, taskId, attempt }: { runId: string; taskId: string; attempt: number }): string =>
  `${runId} ${taskId} ${attempt}`;

/** An assignment of run `run-1`, attempt 1, unless overridden. */
export const assignment = (taskId: string, change: Partial<Assignment> = {}): Assignment => ({
  runId: 'run-1',
  taskId,
  attempt: 1,
  hash: '1',
  parallelism: true,
  streamOutput: true,
  closure: [],
  ...change,
});

/** A run whose tasks have no dependencies, unless given. */
export const runOfTasks = (taskIds: readonly string[], change: Partial<RunSpec> = {}): RunSpec => ({
  runId: 'run-1',
  command: 'nx run-many',
  requestedTargets: ['build'],
  parallel: 2,
  nxBail: false,
  skipNxCache: false,
  verbose: false,
  streamOutput: true,
  env: {},
  tasks: taskIds.map((id) => {
    const [project = '', target = ''] = id.split(':');
    return {
      id,
      hash: `hash-${project}-${target}`,
      cacheable: true,
      parallelism: true,
      weight: 1,
      nxTask: { id, target: { project, target }, overrides: {}, outputs: [`dist/${project}`] },
      dependencies: [],
      continuousDependencies: [],
      initial: { state: 'pending' as const },
    };
  }),
  ...change,
});
