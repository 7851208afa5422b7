// npm run soak -- [--minutes=10] [--seed=1]
//
// One real coordinator process, and sessions back to back for so many minutes: runs that print megabytes and store artifacts of
// tens of megabytes, agents that leave in the middle and others that join, and sessions that their main job abandons.
// Before and after, nobody is connected and every session is removed. The soak fails (exit code 1) when between the two
//   - the memory of the coordinator (RSS) has grown by more than GROWTH_MB,
//   - it has more open handles than before,
//   - or unfinished or temporary files remain.
// The memory before is that after a warm-up: V8 takes its time until a heap has its size.
// The last line on stdout is for machines; everything else goes to stderr. Needs /proc (Linux).
import { setTimeout as delay } from 'node:timers/promises';
import { bootstrap } from './bootstrap.mjs';
import { seededRandom } from './lib/seeded-random.mjs';
import { withFleet } from './lib/testing.mjs';

const GROWTH_MB = 100;
const WARM_UP_SHARE = 0.25;
const WARM_UP_AT_MOST_MS = 120_000;
const PROGRESS_MS = 30_000;
const REST_LIMIT_MS = 120_000;
const SESSION_LIMIT_MS = 120_000;
/** Sessions at a time. */
const LANES = 2;
const KB = 1024;
const MB = 1024 * KB;

const say = (text) => console.error(text);

function parseArguments(flags) {
  const options = { minutes: 10, seed: 1 };
  for (const flag of flags) {
    const [, key, value] = /^--(minutes|seed)=(\d+(?:\.\d+)?)$/.exec(flag) ?? [];
    if (key === undefined) throw new Error(`${flag} is not known; see the first lines of tools/soak.mjs.`);
    options[key] = Number(value);
  }
  if (options.minutes <= 0) throw new Error('--minutes wants a number above 0.');
  return options;
}

class Soak {
  sessions = 0;
  abandoned = 0;
  bytes = 0;
  journalBytes = 0;

  constructor(coordinator, { SoakAgent, SoakMain }, random) {
    Object.assign(this, { coordinator, SoakAgent, SoakMain, random });
  }

  /** Sessions back to back until then. */
  async runUntil(atMs) {
    const lane = async () => {
      while (Date.now() < atMs) await this.session();
    };
    const lanes = Promise.all(Array.from({ length: LANES }, lane));
    const progress = setInterval(() => say(`  ${this.standing()}`), PROGRESS_MS);
    const watch = setInterval(() => this.look(), 1_000);
    try {
      await lanes;
    } finally {
      clearInterval(progress);
      clearInterval(watch);
    }
  }

  look() {
    this.journalBytes = Math.max(this.journalBytes, this.coordinator.journals().largest);
  }

  standing() {
    const { coordinator } = this;
    const { total } = coordinator.journals();
    return (
      `${this.sessions} sessions (${this.abandoned} abandoned), ${Math.round(this.bytes / MB)} MB read; coordinator: ` +
      `${coordinator.rssMb()} MB, ${coordinator.openHandles()} handles, ${coordinator.sessionsOnDisk()} sessions on disk, ` +
      `journals ${Math.round(total / KB)} kB`
    );
  }

  below(count) {
    return Math.floor(this.random.uniform() * count);
  }

  /** Mostly small; one in ten has tens of megabytes. */
  sizes() {
    const isLarge = this.below(10) === 0;
    return {
      outputBytes: this.below(isLarge ? 16 * MB : 512 * KB),
      artifactBytes: isLarge ? 10 * MB + this.below(30 * MB) : this.below(MB),
    };
  }

  async session() {
    const sessionId = `soak-${++this.sessions}`;
    const isAbandoned = this.below(4) === 0;
    const parts = [];
    try {
      await this.within(sessionId, this.play(sessionId, isAbandoned, parts));
      if (isAbandoned) this.abandoned += 1;
    } finally {
      for (const part of parts) part.close();
    }
  }

  async play(sessionId, isAbandoned, parts) {
    const { url } = this.coordinator;
    const main = new this.SoakMain(url, sessionId);
    parts.push(main);
    const problems = [];
    const join = (name) => {
      const options = { sizeOf: () => this.sizes(), onError: (error) => problems.push(error) };
      const agent = new this.SoakAgent(url, sessionId, name, options);
      parts.push(agent);
      return agent;
    };
    const agents = Array.from({ length: 2 + this.below(4) }, (_, index) => join(`agent-${index + 1}`));
    await opened(main);
    const runs = 1 + this.below(4);
    for (let nth = 1; nth <= runs; nth++) {
      const running = main.run(`run-${nth}`, 4 + this.below(12));
      if (this.below(2) === 0) await this.replaceOne(agents, () => join(`late-agent-${nth}`), running);
      if (isAbandoned && nth === runs) {
        running.catch(() => undefined);
        await delay(this.below(500));
        return;
      }
      await running;
      if (problems.length > 0) throw problems[0];
    }
    this.bytes += main.bytes;
    await main.http.complete();
  }

  /** An agent leaves in the middle of its work, and another one comes. */
  async replaceOne(agents, join, running) {
    await Promise.race([delay(this.below(400)), running.catch(() => undefined)]);
    agents.shift()?.close();
    agents.push(join());
  }

  async within(sessionId, playing) {
    const timer = new AbortController();
    const late = delay(SESSION_LIMIT_MS, undefined, { signal: timer.signal }).then(
      () => {
        throw new Error(
          `${sessionId} did not end within ${SESSION_LIMIT_MS} ms.\n${this.coordinator.describe()}`,
        );
      },
      () => undefined,
    );
    await Promise.race([playing, late.then(() => playing)]);
    timer.abort();
  }

  /** Waits until nobody is connected, every session is removed, and the memory falls no more. */
  async rest() {
    const { coordinator } = this;
    const giveUpAtMs = Date.now() + REST_LIMIT_MS;
    let lowest = Infinity;
    for (let calm = 0; calm < 5;) {
      await delay(1_000);
      const isEmpty = coordinator.sessionsOnDisk() === 0;
      const rssMb = coordinator.rssMb();
      calm = isEmpty && rssMb >= lowest ? calm + 1 : 0;
      lowest = Math.min(lowest, rssMb);
      if (Date.now() < giveUpAtMs) continue;
      if (isEmpty) break;
      throw new Error(`Sessions remain: ${this.standing()}\n${coordinator.describe()}`);
    }
    return { rssMb: coordinator.rssMb(), openHandles: coordinator.openHandles() };
  }
}

async function opened({ connection }) {
  if (connection.state.name === 'open') return;
  await new Promise((resolve, reject) => {
    connection.onState((state) => {
      if (state.name === 'open') resolve();
      if (state.name === 'failed') reject(state.error);
    });
  });
}

async function soak(coordinator, { minutes, seed }) {
  await coordinator.start();
  const run = new Soak(coordinator, await import('./lib/soak-clients.mjs'), seededRandom(seed));
  const beginMs = Date.now();
  const untilMs = beginMs + minutes * 60_000;
  const warmUpMs = Math.min(WARM_UP_AT_MOST_MS, minutes * 60_000 * WARM_UP_SHARE);
  await run.runUntil(beginMs + warmUpMs);
  const start = await run.rest();
  say(`warm: ${run.standing()}`);
  await run.runUntil(untilMs);
  const end = await run.rest();
  say(`end: ${run.standing()}`);
  const problems = [];
  if (end.rssMb > start.rssMb + GROWTH_MB)
    problems.push(
      `The coordinator has ${end.rssMb} MB, ${GROWTH_MB} MB more than the ${start.rssMb} MB of the beginning are allowed.`,
    );
  if (end.openHandles > start.openHandles)
    problems.push(
      `${end.openHandles} handles are open, and there were ${start.openHandles} at the beginning.`,
    );
  const left = coordinator.tempFiles();
  if (left.length > 0) problems.push(`Files remain: ${left.join(', ')}`);
  const result = {
    sessions: run.sessions,
    rssStartMb: start.rssMb,
    rssEndMb: end.rssMb,
    openHandlesEnd: end.openHandles,
    journalMb: Number((run.journalBytes / MB).toFixed(3)),
  };
  return { result, problems };
}

async function main() {
  const options = parseArguments(process.argv.slice(2));
  await bootstrap();
  say(`soak: ${options.minutes} minutes, seed ${options.seed}, node ${process.version}`);
  const { SoakCoordinator } = await import('./lib/soak-coordinator.mjs');
  const coordinator = new SoakCoordinator();
  const { result, problems } = await withFleet(coordinator, () => soak(coordinator, options));
  for (const problem of problems) say(problem);
  if (problems.length > 0) process.exitCode = 1;
  console.log(`soak: ${JSON.stringify(result)}`);
}

await main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
