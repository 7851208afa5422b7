import { createHash } from 'node:crypto';
import { type Connection, connect, type HttpClient, httpClient } from '@org/dte-client';
import {
  challengeSchema,
  checkAnswerSchema,
  type CoordinatorToAgent,
  coordinatorToAgentSchema,
  type DteError,
  ERROR_CODE_LIST,
  forwardedEnvSchema,
  helloAnswerSchema,
  HTTP,
  cacheAnswerSchema,
  runSpecSchema,
  sessionStatusSchema,
} from '@org/dte-protocol';
import { exampleClaims, testLimits } from '@org/dte-testing';
import { AnsweringServer } from '../answering-server';
import { expectForeseen } from '../expect-error';
import { Examples } from '../from-schema';
import { frame, oddFrame } from '../frames';
import { oddAnswer } from '../odd-answers';
import { type Note, type Random, type Running, type Target } from '../target';

const limits = testLimits({
  httpRequestMs: 2_000,
  artifactBytes: 100_000,
  terminalOutputBytes: 50_000,
  artifactReads: 2,
});
const challenges = new Examples(challengeSchema);
const answers = new Examples(helloAnswerSchema);
const news = new Examples(coordinatorToAgentSchema);
const NONCE = 'ab'.repeat(32);
const CHALLENGE = JSON.stringify({ type: 'challenge', protocolVersion: 1, serverNonce: NONCE });
const WELCOME = JSON.stringify({
  type: 'welcome',
  proof: null,
  token: 't',
  heartbeatMs: 5_000,
  leaseMs: 30_000,
});
/** Of RFC 6455: makes the answer to an upgrade. */
const MAGIC = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

function upgraded(request: string): string {
  const key = /^sec-websocket-key: (\S+)/im.exec(request)?.[1] ?? '';
  const accept = createHash('sha1').update(`${key}${MAGIC}`).digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`;
}

type Question = [path: string, examples: Examples | null, ask: (client: HttpClient) => Promise<unknown>];
const drained = async (stream: Promise<AsyncIterable<unknown>>): Promise<number> => {
  let pieces = 0;
  for await (const _ of await stream) pieces += 1;
  return pieces;
};
const QUESTIONS: readonly Question[] = [
  [HTTP.run('r1'), new Examples(runSpecSchema), (client) => client.getRun('r1')],
  [HTTP.runEnv('r1'), new Examples(forwardedEnvSchema), (client) => client.getRunEnv('r1')],
  [HTTP.cacheQuestion, new Examples(cacheAnswerSchema), (client) => client.askSizes(['h1', 'h2'])],
  [HTTP.sessionStatus, new Examples(sessionStatusSchema), (client) => client.status()],
  [HTTP.terminal('h1'), null, (client) => client.getTerminal('h1')],
  [HTTP.cache('h1'), null, (client) => drained(client.getCached('h1'))],
  [HTTP.attempt('r1', 'a:b', 1), null, (client) => drained(client.getAttempt('r1', 'a:b', 1))],
  [HTTP.attempt('r1', 'a:b', 1), null, (client) => drained(client.getAttemptBeginning('r1', 'a:b', 1))],
];
const checks = new Examples(checkAnswerSchema);

class HostileCoordinator {
  private constructor(private readonly server: AnsweringServer) {}

  static async open(): Promise<HostileCoordinator> {
    return new HostileCoordinator(await AnsweringServer.start());
  }

  async attempt(random: Random, note: Note): Promise<void> {
    if (random.chance(0.5)) await this.overWebSocket(random, note);
    else await this.overHttp(random, note);
  }

  async close(): Promise<void> {
    await this.server.close();
  }

  private async overWebSocket(random: Random, note: Note): Promise<void> {
    const texts = [
      random.chance(0.7) ? CHALLENGE : challenges.text(random),
      random.chance(0.6) ? WELCOME : answers.text(random),
      news.text(random),
      news.text(random),
    ];
    // What a server sends is not masked.
    const frames = texts.map((text) =>
      random.chance(0.9) ? frame({ payload: Buffer.from(text), masked: false }) : oddFrame(random, text),
    );
    note(texts.join('\n'));
    this.server.answer = (request) => Buffer.concat([Buffer.from(upgraded(request)), ...frames]);
    const connection = connect<CoordinatorToAgent>({
      address: this.server.url,
      hello: exampleClaims,
      limits,
      incoming: coordinatorToAgentSchema,
    });
    try {
      const error = await endOf(connection);
      expectForeseen(error, ERROR_CODE_LIST);
    } finally {
      connection.close();
    }
  }

  private async overHttp(random: Random, note: Note): Promise<void> {
    const [, examples, ask] = random.pick(QUESTIONS);
    const sent: Buffer[] = [];
    this.server.answer = (request) => {
      const text = request.includes('/check ')
        ? checks.text(random)
        : (examples?.text(random) ?? 'an artifact');
      const answer = oddAnswer(random, text);
      sent.push(answer);
      note(Buffer.concat(sent));
      return answer;
    };
    const client = httpClient({ url: this.server.url, token: () => 't', limits });
    await ask(client).catch((thrown: unknown) => {
      // Whoever reads a stream wraps what it throws; here nobody does.
      const isOfStream =
        thrown instanceof Error &&
        'code' in thrown &&
        /^(ECONNRESET|ERR_STREAM|Z_)/.test(String(thrown.code));
      if (isOfStream) return;
      expectForeseen(thrown, ERROR_CODE_LIST);
    });
    client.close();
  }
}

/** Why the first link of a connection has ended: the server always ends it. */
function endOf(connection: Connection<CoordinatorToAgent>): Promise<DteError> {
  return new Promise((resolve) => {
    const look = (): void => {
      const { state } = connection;
      if (state.name === 'failed') resolve(state.error);
      else if (state.name === 'connecting' && state.lastError !== null) resolve(state.lastError);
    };
    connection.onState(look);
    look();
  });
}

/** A coordinator that answers nonsense, or whoever took its address where there is neither a pin nor a secret. */
export const coordinatorAnswers: Target = {
  name: 'answers',
  share: 50,
  caseMs: 60_000,
  open: (): Promise<Running> => HostileCoordinator.open(),
};
