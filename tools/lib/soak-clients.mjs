// Agents and main jobs of `npm run soak`: real connections and real uploads, but no Nx and no executors.
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

const require = createRequire(import.meta.url);
const client = require('../../packages/client/dist/index.js');
const protocol = require('../../packages/protocol/dist/index.js');

const { limits } = protocol.readLimits({});
const IDENTITY = { commit: null, nxVersion: '0.0.0', nodeVersion: process.version, platform: 'any' };
const CHUNK = 'o'.repeat(protocol.LIMITS.outputChunkBytes.value - 1) + '\n';
const BLOCK = Buffer.alloc(256 * 1024, 'a');

/** @returns {Readable} so many bytes, a block at a time */
function content(bytes) {
  const blocks = function* () {
    for (let left = bytes; left > 0; left -= BLOCK.length)
      yield BLOCK.subarray(0, Math.min(left, BLOCK.length));
  };
  return Readable.from(blocks());
}

class Client {
  constructor(url, sessionId, hello, incoming) {
    this.connection = client.connect({
      address: url,
      hello: { sessionId, jobUrl: null, identity: IDENTITY, slots: null, labels: [], ...hello },
      limits,
      incoming,
    });
    this.http = client.httpClient({
      url: () => this.connection.httpUrl(),
      token: () => this.connection.token(),
      limits,
      retryForMs: 5_000,
    });
  }

  close() {
    this.connection.close();
    this.http.close();
  }
}

const keyOf = ({ runId, taskId, attempt }) => `${runId} ${taskId} ${attempt}`;

/** An agent that prints `outputBytes` and stores `artifactBytes` for each task it is given. */
export class SoakAgent extends Client {
  work = new Map();
  seq = 0;

  /** @param {{ sizeOf: (taskId: string) => { outputBytes: number, artifactBytes: number }, onError: (error: Error) => void }} options */
  constructor(url, sessionId, name, options) {
    super(url, sessionId, { role: 'agent', clientId: name, name }, protocol.coordinatorToAgentSchema);
    this.options = options;
    this.connection.onState((state) => {
      clearInterval(this.heartbeat);
      if (state.name !== 'open') return;
      this.seq = 0;
      this.sync();
      this.heartbeat = setInterval(() => this.sync(), state.heartbeatMs);
    });
    this.connection.onMessage((message) => {
      if (message.type === 'agent.wanted') this.onWanted(message.assignments);
    });
  }

  close() {
    this.closed = true;
    clearInterval(this.heartbeat);
    super.close();
  }

  onWanted(assignments) {
    const wanted = new Set(assignments.map(keyOf));
    for (const key of this.work.keys()) if (!wanted.has(key)) this.work.delete(key);
    for (const assignment of assignments) {
      const key = keyOf(assignment);
      if (this.work.has(key)) continue;
      const { runId, taskId, attempt } = assignment;
      this.work.set(key, { runId, taskId, attempt, phase: { name: 'executing', startMs: Date.now() } });
      void this.run(assignment).catch((error) => {
        // One that has left stops in the middle, as a job that is cancelled does.
        if (!this.closed) this.options.onError(error);
      });
    }
    this.sync();
  }

  async run({ runId, taskId, attempt, hash }) {
    const startMs = Date.now();
    const { outputBytes, artifactBytes } = this.options.sizeOf(taskId);
    await this.http.getRun(runId);
    for (let offset = 0; offset < outputBytes && !this.closed; offset += CHUNK.length) {
      this.connection.send({ type: 'agent.output', runId, taskId, attempt, offset, data: CHUNK });
      await delay(1);
    }
    await this.http.putAttempt({ runId, taskId, attempt }, () => content(artifactBytes));
    const artifact = { kind: 'attempt', attempt };
    const result = { kind: 'finished', status: 'success', code: 0, fromCache: null, hash, artifact };
    const phase = {
      name: 'completed',
      result: { ...result, startMs, endMs: Date.now(), reason: null, hashDetails: null },
    };
    this.work.set(`${runId} ${taskId} ${attempt}`, { runId, taskId, attempt, phase });
    this.sync();
  }

  sync() {
    const work = [...this.work.values()];
    this.connection.send({ type: 'agent.sync', seq: ++this.seq, slots: 2, draining: false, work });
  }
}

/** A main job that follows its runs, reads what they print, and fetches their artifacts. */
export class SoakMain extends Client {
  bytes = 0;

  constructor(url, sessionId) {
    const hello = { role: 'main', clientId: 'main-1', name: 'main job' };
    super(url, sessionId, hello, protocol.coordinatorToMainSchema);
    this.connection.onMessage((message) => this.onMessage(message));
  }

  /** Submits a run of as many tasks and follows it to its end. */
  async run(runId, tasks) {
    const ended = [];
    const over = new Promise(
      (resolve, reject) => (this.current = { runId, ended, ackSeq: 0, resolve, reject }),
    );
    await this.http.submitRun(specOf(runId, tasks));
    this.send('follow');
    await over;
    for (const { taskId, attempt, status } of ended) {
      if (status !== 'success') throw new Error(`${taskId} of ${runId} ended with ${status}.`);
      for await (const block of await this.http.getAttempt(runId, taskId, attempt))
        this.bytes += block.length;
    }
    this.send('close');
  }

  send(want) {
    const { runId, ackSeq } = this.current;
    this.connection.send({ type: 'main.sync', runId, ackSeq, want });
  }

  onMessage(message) {
    if (message.type === 'run.output') this.bytes += message.data.length;
    const { current } = this;
    if (message.type !== 'run.update' || message.runId !== current?.runId) return;
    for (const entry of message.entries) {
      if (entry.seq <= current.ackSeq) continue;
      current.ackSeq = entry.seq;
      if (entry.type === 'ended') current.ended.push(entry);
    }
    this.send('follow');
    if (message.state === 'finished') current.resolve();
    else if (message.state === 'cancelled')
      current.reject(new Error(`The run ${message.runId} was cancelled.`));
  }
}

function specOf(runId, tasks) {
  const task = (_, index) => {
    const project = `project-${index}`;
    const target = { project, target: 'build' };
    const id = `${project}:build`;
    return {
      id,
      nxTask: { id, target, overrides: { __overrides_unparsed__: [] }, outputs: [`dist/${project}`] },
      hash: `${runId}-${index}`,
      cacheable: true,
      parallelism: true,
      dependencies: index < 3 ? [] : [{ id: `project-${index - 3}:build` }],
      continuousDependencies: [],
      weight: 1,
      initial: { state: 'pending' },
    };
  };
  return {
    runId,
    command: 'nx run-many -t build',
    requestedTargets: ['build'],
    parallel: 2,
    nxBail: false,
    skipNxCache: false,
    verbose: false,
    streamOutput: true,
    env: {},
    tasks: Array.from({ length: tasks }, task),
  };
}
