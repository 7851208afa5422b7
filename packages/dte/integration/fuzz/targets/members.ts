import { gzipSync } from 'node:zlib';
import {
  agentToCoordinatorSchema,
  cacheQuestionSchema,
  forwardedEnvSchema,
  type Hello,
  HTTP,
  mainToCoordinatorSchema,
  recordSchema,
  runSpecSchema,
  sessionSettingsSchema,
} from '@org/dte-protocol';
import { runSpec, taskSpec, httpCall, type RawClient } from '@org/dte-testing';
import { Examples } from '../from-schema';
import { changed, type Json, toText } from '../hostile';
import { LiveCoordinator, UNFORESEEN } from '../live-coordinator';
import { mustHold, type Note, type Random, type Running, type Target } from '../target';

const asJson = (value: object): Json => JSON.parse(JSON.stringify(value)) as Json;

/** Endpoints that read a body, with what they read. */
const BODIES: readonly [method: string, path: string, role: 'main' | 'agent', examples: Examples][] = [
  ['POST', HTTP.runs, 'main', new Examples(runSpecSchema)],
  ['PUT', HTTP.runEnv('r1'), 'main', new Examples(forwardedEnvSchema)],
  ['POST', HTTP.sessionSettings, 'main', new Examples(sessionSettingsSchema)],
  ['POST', HTTP.records, 'main', new Examples(recordSchema)],
  ['POST', HTTP.cacheQuestion, 'agent', new Examples(cacheQuestionSchema)],
];
const SAID = {
  agent: new Examples(agentToCoordinatorSchema),
  main: new Examples(mainToCoordinatorSchema),
};
/** A new session now and then: what is said to one adds up. */
const CASES_PER_SESSION = 100;

/** A run that the scheduler takes, whose parts agents may speak of; and what is nearly one. */
function runText(random: Random): string {
  const tasks = ['a:build', 'b:build', 'c:build'].map((id, index, ids) => taskSpec(id, ids.slice(0, index)));
  const run = runSpec(`r${random.int(1, 3)}`, tasks);
  return random.chance(0.3) ? JSON.stringify(run) : toText(changed(random, asJson(run)));
}

function syncText(random: Random): string {
  const result = {
    kind: 'finished',
    status: 'success',
    code: 0,
    fromCache: null,
    hash: 'hash-a-build',
    artifact: { kind: 'none' },
    startMs: 1,
    endMs: 2,
    reason: null,
    hashDetails: null,
  };
  const phase = random.chance(0.5) ? { name: 'executing', startMs: 1 } : { name: 'completed', result };
  const work = {
    runId: `r${random.int(1, 3)}`,
    taskId: random.pick(['a:build', 'b:build']),
    attempt: 1,
    phase,
  };
  const sync = {
    type: 'agent.sync',
    seq: random.int(0, 9),
    slots: 2,
    draining: random.chance(0.1),
    work: [work],
  };
  return random.chance(0.3) ? JSON.stringify(sync) : toText(changed(random, asJson(sync)));
}

/** Members of a session, who may say anything that is well-formed. */
class Members {
  private cases = 0;
  private session = 0;
  private tokens: Record<'main' | 'agent', string> = { main: '', agent: '' };

  private constructor(private readonly coordinator: LiveCoordinator) {}

  static async open(folder: string): Promise<Members> {
    return new Members(await LiveCoordinator.start(folder));
  }

  async attempt(random: Random, note: Note): Promise<void> {
    if (this.cases % CASES_PER_SESSION === 0) await this.nextSession();
    this.cases += 1;
    if (random.chance(0.6)) await this.ask(random, note);
    else await this.say(random, note);
  }

  check(): Promise<void> {
    return this.coordinator.check();
  }

  close(): Promise<void> {
    return this.coordinator.close();
  }

  private async nextSession(): Promise<void> {
    this.session += 1;
    for (const role of ['main', 'agent'] as const) {
      const client = await this.enter(role, `first-${role}`);
      this.tokens[role] = client.token;
      await client.kill();
    }
    const body = JSON.stringify({ ...runSpec('r1', [taskSpec('a:build')]), forwardedEnv: ['A'] });
    await httpCall(this.coordinator.url, { method: 'POST', path: HTTP.runs, token: this.tokens.main, body });
  }

  private enter(role: 'main' | 'agent', clientId: string): Promise<RawClient> {
    const hello: Partial<Hello> = {
      role,
      clientId,
      sessionId: `m${this.session}`,
      slots: role === 'main' ? null : 2,
    };
    return this.coordinator.client(hello);
  }

  private async ask(random: Random, note: Note): Promise<void> {
    const [method, path, role, examples] = random.pick(BODIES);
    const text = path === HTTP.runs && random.chance(0.5) ? runText(random) : examples.text(random);
    const isGzip = random.chance(0.03);
    note(`${method} ${path} ${isGzip ? '(gzip) ' : ''}${text}`);
    const headers: Record<string, string> = isGzip ? { 'content-encoding': 'gzip' } : {};
    const body = isGzip ? gzipSync(text) : text;
    const answer = await httpCall(this.coordinator.url, {
      method,
      path,
      headers,
      token: this.tokens[role],
      body,
    });
    mustHold(
      answer.status < 500 && answer.code !== UNFORESEEN,
      () => `Answered ${answer.status}: ${answer.text}`,
    );
  }

  /** A few messages over one connection; then it is asked whether it still listens, or has been told why not. */
  private async say(random: Random, note: Note): Promise<void> {
    const role = random.chance(0.7) ? 'agent' : 'main';
    const client = await this.enter(role, `client-${random.int(1, 3)}`);
    const texts = Array.from({ length: random.int(1, 3) }, () =>
      role === 'agent' && random.chance(0.6) ? syncText(random) : SAID[role].text(random),
    );
    note(`${role}: ${texts.join('\n')}`);
    for (const text of texts) client.socket.send(text);
    client.socket.ping();
    await new Promise<void>((resolve) => {
      client.socket.once('pong', () => resolve());
      client.socket.once('close', () => resolve());
    });
    const heard = JSON.stringify(client.received);
    client.socket.terminate();
    mustHold(!heard.includes(UNFORESEEN), () => `Said: ${heard.slice(-1_000)}`);
  }
}

/** Bodies and messages of members: what a rogue agent or main job with a good token may send. */
export const members: Target = {
  name: 'members',
  share: 80,
  caseMs: 60_000,
  open: (folder): Promise<Running> => Members.open(folder),
};
