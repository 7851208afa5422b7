// One process of `npm run bench -- scale`: many agents, each with its own connection and sockets, that report every
// task as succeeded. Forked by scale.mjs, which controls it and collects the results.
import { once } from 'node:events';
import { get } from 'node:http';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { PacedSlot, wallMs } from './scale-pace.mjs';

const require = createRequire(import.meta.url);
const { connect, httpClient } = require('../../packages/client/dist/index.js');
const {
  coordinatorToAgentSchema,
  encode,
  HTTP,
  readLimits,
  WITHOUT_HASHES,
} = require('../../packages/protocol/dist/index.js');

const { limits } = readLimits(process.env);
/** Like an agent's supervisor: news that nobody waits for is sent together with other news. */
const SYNC_SOON_MS = 100;
const ARTIFACT = Buffer.alloc(1024, 'x');

const seen = {
  lost: 0,
  bytes: 0,
  messages: 0,
  specBytes: 0,
  latencies: [],
  begins: [],
  waits: [],
  errors: [],
};
const fail = (error) => {
  if (seen.errors.length < 5) seen.errors.push(error.message);
};

const keyOf = ({ runId, taskId, attempt }) => `${runId} ${taskId} ${attempt}`;

class ScaleAgent {
  work = new Map();
  /** Key of a completed attempt -> when it was first reported. */
  saidAt = new Map();
  specs = new Map();
  seq = 0;

  constructor({ name, url, sessionId, identity, artifacts, taskMs, paced }) {
    Object.assign(this, { url, artifacts, taskMs });
    if (paced) this.slot = new PacedSlot((waitedMs) => seen.waits.push(waitedMs));
    this.connection = connect({
      address: url,
      hello: {
        role: 'agent',
        sessionId,
        clientId: name,
        name,
        jobUrl: `https://ci.example/jobs/${name}`,
        identity,
        slots: null,
        labels: [],
      },
      limits,
      incoming: coordinatorToAgentSchema,
    });
    this.http = httpClient({
      url: () => this.connection.httpUrl(),
      token: () => this.connection.token(),
      limits,
      retryForMs: limits.coordinatorGraceMs,
    });
    this.connection.onState((state) => this.onState(state));
    this.connection.onMessage((message) => this.onMessage(message));
  }

  close() {
    this.forgetTimers();
    clearInterval(this.heartbeat);
    this.connection.close();
    this.http.close();
  }

  onState(state) {
    clearInterval(this.heartbeat);
    if (state.name === 'open') {
      this.isOpen = true;
      this.seq = 0;
      this.sync();
      this.heartbeat = setInterval(() => this.sync(), state.heartbeatMs);
    } else if (this.isOpen) {
      this.isOpen = false;
      if (state.name !== 'closed') seen.lost++;
    }
    if (state.name === 'failed') fail(state.error);
  }

  onMessage(message) {
    seen.messages++;
    seen.bytes += encode(message).length;
    if (message.type === 'error') fail(new Error(message.reason.message));
    else this.onWanted(message.assignments);
  }

  onWanted(assignments) {
    const answered = this.forget(new Set(assignments.map(keyOf)));
    const fresh = assignments.filter((assignment) => !this.work.has(keyOf(assignment)));
    seen.latencies.push(...answered.slice(0, fresh.length));
    for (const assignment of fresh) {
      const { runId, taskId, attempt } = assignment;
      this.work.set(keyOf(assignment), { runId, taskId, attempt, phase: { name: 'preparing' } });
      void this.run(assignment);
    }
    if (answered.length + fresh.length > 0) this.timer ??= setTimeout(() => this.sync(), SYNC_SOON_MS);
  }

  /** @returns how long ago each result was reported that is no longer wanted */
  forget(wanted) {
    const answered = [];
    for (const key of this.work.keys()) {
      if (wanted.has(key)) continue;
      this.work.delete(key);
      if (this.saidAt.has(key)) answered.push(performance.now() - this.saidAt.get(key));
      this.saidAt.delete(key);
    }
    return answered;
  }

  async run(assignment) {
    const key = keyOf(assignment);
    try {
      this.setPhase(key, { name: 'completed', result: await this.resultOf(assignment) });
    } catch ({ code = 'DTE_INTERNAL', message }) {
      fail({ message });
      this.setPhase(key, { name: 'completed', result: { kind: 'returned', reason: { code, message } } });
    }
    this.due ??= setImmediate(() => this.sync());
  }

  async resultOf(assignment) {
    const { runId, taskId, attempt } = assignment;
    this.slot?.began();
    await this.specOf(runId);
    if (!this.hasBegun) seen.begins.push(wallMs());
    this.hasBegun = true;
    const startMs = Date.now();
    if (this.taskMs > 0) {
      this.setPhase(keyOf(assignment), { name: 'executing', startMs });
      await delay(this.taskMs);
    }
    if (this.artifacts)
      await this.http.putAttempt({ runId, taskId, attempt }, () => Readable.from([ARTIFACT]));
    await this.slot?.toEnd();
    const artifact = this.artifacts ? { kind: 'attempt', attempt } : { kind: 'none' };
    return {
      kind: 'finished',
      status: 'success',
      code: 0,
      fromCache: null,
      hash: assignment.hash,
      artifact,
      startMs,
      endMs: Date.now(),
      reason: null,
      hashDetails: null,
    };
  }

  /** As a real agent asks for it. */
  specUrl(runId) {
    const url = new URL(HTTP.run(runId), this.url);
    for (const [name, value] of Object.entries(WITHOUT_HASHES)) url.searchParams.set(name, value);
    return url;
  }

  /** Downloaded once by every agent, as a real one does for its executors. */
  specOf(runId) {
    const fetched = this.specs.get(runId) ?? this.fetchSpec(runId);
    this.specs.set(runId, fetched);
    return fetched;
  }

  /** Not unpacked: a real agent does that on its own machine. */
  async fetchSpec(runId) {
    const untilMs = Date.now() + limits.coordinatorGraceMs;
    for (;;) {
      try {
        await this.http.getRunEnv(runId);
        const headers = { authorization: `Bearer ${this.connection.token()}`, 'accept-encoding': 'br, gzip' };
        const [answer] = await once(get(this.specUrl(runId), { headers }), 'response');
        if (answer.statusCode !== 200)
          throw new Error(`The coordinator answered the request for the run with ${answer.statusCode}.`);
        for await (const { length } of answer) seen.specBytes += length;
        return;
      } catch (error) {
        if (Date.now() > untilMs) throw error;
        await delay(limits.reconnectMaxMs);
      }
    }
  }

  setPhase(key, phase) {
    const work = this.work.get(key);
    if (work !== undefined) this.work.set(key, { ...work, phase });
  }

  sync() {
    this.forgetTimers();
    const work = [...this.work.values()];
    this.connection.send({ type: 'agent.sync', seq: ++this.seq, slots: null, draining: false, work });
    for (const [key, { phase }] of this.work)
      if (phase.name === 'completed' && !this.saidAt.has(key)) this.saidAt.set(key, performance.now());
  }

  forgetTimers() {
    clearImmediate(this.due);
    clearTimeout(this.timer);
    this.due = undefined;
    this.timer = undefined;
  }
}

let agents = [];
const answers = {
  connect: ({ names, ...options }) => {
    agents = names.map((name) => new ScaleAgent({ name, ...options }));
  },
  begun: () => process.send({ type: 'begun', begun: seen.begins.length }),
  pace: ({ first, ...schedule }) =>
    agents.forEach(({ slot }, index) => slot.follow({ ...schedule, index: first + index })),
  end: () => {
    for (const agent of agents) agent.close();
    const [latencies, waits] = [seen.latencies.map(Math.round), seen.waits.map(tenths)];
    // The channel must not close before everything is sent.
    process.send({ type: 'seen', ...seen, latencies, waits }, () => process.disconnect());
  },
};
const tenths = (ms) => Math.round(ms * 10) / 10;
process.on('message', ({ type, ...rest }) => answers[type](rest));
// The benchmark itself has exited.
process.on('disconnect', () => setTimeout(() => process.exit(), 5_000).unref());
process.send({ type: 'loaded' });
