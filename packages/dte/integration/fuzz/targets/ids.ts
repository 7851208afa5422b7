import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HTTP } from '@org/dte-protocol';
import { runSpec, taskSpec, httpCall } from '@org/dte-testing';
import { TRAVERSALS } from '../hostile';
import { LiveCoordinator, UNFORESEEN } from '../live-coordinator';
import { mustHold, type Note, type Random, type Running, type Target } from '../target';

type PathOf = (first: string, second: string, third: string) => string;

/** Every endpoint with an id in its path. */
const PATHS: readonly PathOf[] = [
  (hash) => `/v1/cache/${hash}`,
  (hash) => `/v1/cache/${hash}/terminal`,
  (hash) => `/v1/cache/${hash}/check`,
  (hash) => `/v1/cache/${hash}/terminal/check`,
  (runId) => `/v1/runs/${runId}`,
  (runId) => `/v1/runs/${runId}/env`,
  (runId, taskId, attempt) => `/v1/runs/${runId}/attempts/${taskId}/${attempt}`,
  (runId, taskId, attempt) => `/v1/runs/${runId}/attempts/${taskId}/${attempt}/check`,
  (anything) => `/v1/session/${anything}`,
  (anything) => `/${anything}`,
];
const GOOD = { runId: 'r1', taskId: 'app:build', attempt: '0' };
const ATTEMPTS = ['-1', '1e3', '0x1', '01', '9999999999', '1.5', 'NaN', ' 1', '1/..', '%31'];

/** In the ways in which a proxy, a router or a file system might read it. */
const ENCODINGS: readonly ((text: string) => string)[] = [
  (text) => text.replaceAll(/[\0 \r\n]/g, '%20'),
  encodeURIComponent,
  (text) => encodeURIComponent(encodeURIComponent(text)),
  (text) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  (text) => encodeURIComponent(text).replaceAll('%2F', '%2f').replaceAll('.', '%2E'),
  (text) => text.replaceAll('/', '%5c').replaceAll(/[^\x21-\x7e]/g, ''),
];

function hostileId(random: Random): string {
  const parts = Array.from({ length: random.int(1, 3) }, () => random.pick(TRAVERSALS));
  return random.pick(ENCODINGS)(parts.join(random.pick(['/', '', '\\', '%2f'])));
}

class Asker {
  private constructor(
    private readonly coordinator: LiveCoordinator,
    private readonly tokens: readonly string[],
    private readonly key: string,
  ) {}

  static async open(folder: string): Promise<Asker> {
    const coordinator = await LiveCoordinator.start(folder);
    const main = await coordinator.client({ role: 'main', sessionId: 's1', slots: null });
    const agent = await coordinator.client({ sessionId: 's1' });
    const run = JSON.stringify(runSpec(GOOD.runId, [taskSpec(GOOD.taskId)]));
    await httpCall(coordinator.url, { method: 'POST', path: HTTP.runs, token: main.token, body: run });
    const key = readFileSync(join(coordinator.dataDir, 'token-key'), 'utf8').trim();
    return new Asker(coordinator, [main.token, agent.token], key);
  }

  async attempt(random: Random, note: Note): Promise<void> {
    const method = random.pick(['GET', 'PUT', 'POST']);
    const pathOf = random.pick(PATHS);
    const [first, second] = random.chance(0.5)
      ? [hostileId(random), GOOD.taskId]
      : [GOOD.runId, hostileId(random)];
    const path = pathOf(first, encodeURI(second), random.chance(0.5) ? GOOD.attempt : random.pick(ATTEMPTS));
    note(`${method} ${path}`);
    const call = {
      method,
      path,
      token: random.pick(this.tokens),
      ...(method === 'GET' ? {} : { body: '{}' }),
    };
    const answer = await httpCall(this.coordinator.url, call).catch((thrown: unknown) => {
      // Node's own client refuses some paths: nothing was sent.
      if ((thrown as { code?: string }).code === 'ERR_UNESCAPED_CHARACTERS') return null;
      throw thrown;
    });
    if (answer === null) return;
    mustHold(
      answer.status < 500 && answer.code !== UNFORESEEN,
      () => `Answered ${answer.status}: ${answer.text}`,
    );
    mustHold(!answer.text.includes(this.key), () => `The key of the tokens was sent with ${answer.status}.`);
  }

  check(): Promise<void> {
    return this.coordinator.check();
  }

  close(): Promise<void> {
    return this.coordinator.close();
  }
}

/** Path traversal in every id of every HTTP endpoint, by members of a session: whoever has no token gets no further than that. */
export const ids: Target = {
  name: 'ids',
  share: 60,
  caseMs: 60_000,
  open: (folder): Promise<Running> => Asker.open(folder),
};
