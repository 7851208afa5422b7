// The main job of `npm run bench -- scale`, and its run.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

const RUN = 'scale-run';
const CHAIN = 4;

const load = () => ({
  ...require('../../packages/client/dist/index.js'),
  ...require('../../packages/protocol/dist/index.js'),
  ...require('../../packages/runner/dist/follow/followed-run.js'),
});

/** As long and as hard to compress as Nx's: 64 bits in decimal (splitmix64). */
function hashOf(index) {
  const wrap = (value) => BigInt.asUintN(64, value);
  let bits = wrap(BigInt(index + 1) * 0x9e3779b97f4a7c15n);
  bits = wrap((bits ^ (bits >> 30n)) * 0xbf58476d1ce4e5b9n);
  bits = wrap((bits ^ (bits >> 27n)) * 0x94d049bb133111ebn);
  return String(bits ^ (bits >> 31n)).padStart(20, '1');
}

/** About as much data as Nx has for a task, in chains of four: build, then its dependents. */
export function specOf(tasks) {
  const targets = ['build', 'lint', 'test', 'e2e-ci'];
  const task = (_, index) => {
    const project = `scope-name-project-${Math.floor(index / CHAIN)}`;
    const projectRoot = `packages/scope-name/${project}`;
    const idOf = (at) => `${project}:${targets[at]}`;
    const at = index % CHAIN;
    const nxTask = {
      id: idOf(at),
      target: { project, target: targets[at] },
      projectRoot,
      cache: true,
      parallelism: true,
      overrides: { __overrides_unparsed__: [] },
      outputs: [`${projectRoot}/dist`, `coverage/${projectRoot}`],
    };
    return {
      id: idOf(at),
      nxTask,
      hash: hashOf(index),
      cacheable: true,
      parallelism: true,
      dependencies: at === 0 ? [] : [{ id: idOf(at - 1) }],
      continuousDependencies: [],
      weight: 1,
      initial: { state: 'pending' },
    };
  };
  return {
    runId: RUN,
    command: 'nx run-many -t build,lint,test,e2e-ci',
    requestedTargets: targets,
    parallel: 2,
    nxBail: false,
    skipNxCache: false,
    verbose: false,
    streamOutput: false,
    env: {},
    tasks: Array.from({ length: tasks }, task),
  };
}

/** The main job: submits the run and follows it like the tasks runner. */
export class MainJob {
  bytes = 0;
  agents = 0;
  ended = 0;
  retried = 0;
  failed = 0;

  constructor({ url, sessionId, identity }) {
    const { connect, coordinatorToMainSchema, encode, httpClient, readLimits } = load();
    this.limits = readLimits({}).limits;
    this.connection = connect({
      address: url,
      hello: {
        role: 'main',
        sessionId,
        clientId: 'main-1',
        name: 'main job',
        jobUrl: null,
        identity,
        slots: null,
        labels: [],
      },
      limits: this.limits,
      incoming: coordinatorToMainSchema,
    });
    this.connection.onMessage((message) => {
      this.bytes += encode(message).length;
      if (message.type !== 'session.info') return;
      this.agents = message.agents.filter(({ connected }) => connected).length;
      this.info = message;
    });
    this.http = httpClient({
      url: () => this.connection.httpUrl(),
      token: () => this.connection.token(),
      limits: this.limits,
      retryForMs: this.limits.coordinatorGraceMs,
    });
  }

  submit(spec) {
    return this.http.submitRun(spec);
  }

  follow(expected) {
    const { FollowedRun } = load();
    return new FollowedRun({
      connection: this.connection,
      runId: RUN,
      info: this.info,
      expected,
      limits: this.limits,
      reports: async () => [],
      onOutput: () => {},
      onSession: () => {},
      onEntry: (entry) => {
        if (entry.type === 'retried') this.retried++;
        if (entry.type !== 'ended') return;
        this.ended++;
        if (entry.status !== 'success') this.failed++;
      },
    });
  }

  close() {
    this.connection.close();
    this.http.close();
  }
}
