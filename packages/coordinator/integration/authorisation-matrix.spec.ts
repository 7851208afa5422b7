import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createCoordinatorCertificate } from '@org/dte-identity';
import {
  agentToCoordinatorSchema,
  type Hello,
  HTTP,
  mainToCoordinatorSchema,
  type Message,
} from '@org/dte-protocol';
import { exampleHello, httpCall, type RawClient, signHello, startFakeGitlab } from '@org/dte-testing';
import { ATTEMPT, ENDPOINTS, RUN } from './support/endpoints';
import { containing, Harness } from './support/harness';
import { claimsOf, helloOf, type Instances, SECRET, SESSION, STRANGERS } from './support/pipelines';

const ROLES = ['agent', 'main', 'observer'] as const;
/** Unknown keys are looked up again immediately: nothing here may depend on which caller came first. */
const limits = { issuerCooldownMs: 0 };

let instances: Instances;
beforeAll(async () => {
  instances = {
    gitlab: await startFakeGitlab({ projects: [] }),
    stranger: await startFakeGitlab({ projects: [] }),
  };
});
afterAll(() => Promise.all([instances.gitlab.close(), instances.stranger.close()]));

const issuersOf = (): { issuers: string[]; audience: string } => ({
  issuers: [instances.gitlab.issuer],
  audience: 'dte',
});
const goodToken = (): string => instances.gitlab.idToken(claimsOf());
const kinds = {
  embedded: () =>
    Harness.start({
      secret: SECRET,
      limits,
      tls: createCoordinatorCertificate(),
      idTokens: { ...issuersOf(), own: instances.gitlab.idToken(claimsOf({ job_id: '1' })) },
    }),
  standalone: () => Harness.start({ secret: SECRET, limits, idTokens: issuersOf() }),
};

/** A session with the content that the table of endpoints needs. */
async function furnish(harness: Harness): Promise<RawClient> {
  const main = await harness.connect(helloOf('main', goodToken()));
  await harness.submit(main, RUN);
  await harness.putCache(main, 'held', 'content');
  for (const path of [HTTP.terminal('held'), ATTEMPT])
    await httpCall(harness.url, { method: 'PUT', path, token: main.token, body: 'content' });
  return main;
}

const ask = (harness: Harness, [method, path, body]: (typeof ENDPOINTS)[number], token?: string) =>
  httpCall(harness.url, {
    method,
    path,
    ...(body === null ? {} : { body }),
    ...(token === undefined ? {} : { token }),
  });

const GOLDEN = join(__dirname, '..', '..', 'protocol', 'golden');
/** Every message of the protocol, whoever may send it: the accepted examples. */
const MESSAGES = readdirSync(GOLDEN)
  .map((file) => JSON.parse(readFileSync(join(GOLDEN, file), 'utf8')) as { type?: string })
  .filter((message): message is { type: string } => message.type !== undefined);
const ALLOWED: Record<(typeof ROLES)[number], string[]> = {
  agent: agentToCoordinatorSchema.options.map(({ shape }) => shape.type.value),
  main: mainToCoordinatorSchema.options.map(({ shape }) => shape.type.value),
  observer: [],
};

// Typed by the protocol: if a message is added there, this does not compile until it is listed here.
const EVERY_ENDPOINT: Record<Exclude<keyof typeof HTTP, 'connect' | 'check' | 'direct'>, string> = {
  health: HTTP.health,
  ready: HTTP.ready,
  cache: HTTP.cache('held'),
  terminal: HTTP.terminal('held'),
  cacheForget: HTTP.cacheForget,
  cacheQuestion: HTTP.cacheQuestion,
  attempt: ATTEMPT,
  runs: HTTP.runs,
  run: HTTP.run(RUN.runId),
  runEnv: HTTP.runEnv(RUN.runId),
  sessionSettings: HTTP.sessionSettings,
  sessionComplete: HTTP.sessionComplete,
  sessionStatus: HTTP.sessionStatus,
  records: HTTP.records,
  reportEvents: HTTP.reportEvents,
  viewLink: HTTP.viewLink,
  sessionModel: HTTP.sessionModel(SESSION),
  sessionEvents: HTTP.sessionEvents(SESSION),
  sessionOutput: HTTP.sessionOutput(SESSION),
};
const EVERY_DIRECT = [HTTP.direct(HTTP.cache('held'))];
const EVERY_CHECK = [HTTP.cache('held'), HTTP.terminal('held'), ATTEMPT].map((path) => HTTP.check(path));
const EVERY_MESSAGE: Record<Message['type'], null> = {
  challenge: null,
  hello: null,
  welcome: null,
  error: null,
  'agent.sync': null,
  'agent.output': null,
  'agent.wanted': null,
  'main.sync': null,
  'run.update': null,
  'run.output': null,
  'session.info': null,
};

it('the tables name every endpoint and every message', () => {
  expect(new Set(ENDPOINTS.map(([, path]) => path.split('?')[0]))).toEqual(
    new Set([...Object.values(EVERY_ENDPOINT), ...EVERY_CHECK, ...EVERY_DIRECT]),
  );
  expect(new Set(MESSAGES.map(({ type }) => type))).toEqual(new Set(Object.keys(EVERY_MESSAGE)));
});

describe.each(Object.entries(kinds))('an unauthenticated client of a coordinator that is %s', (_, start) => {
  let harness: Harness;
  let main: RawClient;
  beforeAll(async () => {
    harness = await start();
    main = await furnish(harness);
  });
  afterAll(() => harness.cleanUp());

  const statusOf = async (): Promise<unknown> => {
    const { text } = await httpCall(harness.url, { path: HTTP.sessionStatus, token: main.token });
    const { refused: _refused, ...rest } = JSON.parse(text) as Record<string, unknown>;
    return rest;
  };

  describe.each(STRANGERS)('with $what', ({ secret, idToken, code, message }) => {
    it.each(ROLES)('is rejected as %s, and its later messages are ignored', async (role) => {
      const before = await statusOf();
      const client = await harness.connect(helloOf(role, idToken(instances)), secret ?? null);
      expect(await client.next('error')).toMatchObject({
        fatal: true,
        reason: { code, message: containing(message) },
      });
      for (const each of MESSAGES) client.send(each);
      expect(await client.whenClosed()).toEqual({ code: 1008, reason: code });
      expect(client.all('welcome')).toEqual([]);
      expect(await statusOf()).toEqual(before);
      expect(harness.coordinator.sessions()).toHaveLength(1);
    });

    it('gets 401 from every endpoint, whatever it presents', async () => {
      const before = await statusOf();
      for (const endpoint of ENDPOINTS.filter(([, path]) => path !== HTTP.health && path !== HTTP.ready)) {
        for (const bearer of [undefined, idToken(instances), secret]) {
          const answer = await ask(harness, endpoint, bearer ?? undefined);
          expect([endpoint[1], answer.status, answer.code]).toEqual([endpoint[1], 401, 'DTE_UNAUTHORIZED']);
        }
      }
      expect(await statusOf()).toEqual(before);
    });
  });

  const changes: [string, Partial<Hello>][] = [
    ['another name', { name: 'nx-agent 2/3' }],
    ['labels', { labels: ['protected'] }],
    ['another commit', { identity: { ...exampleHello().identity, commit: 'f'.repeat(40) } }],
    ['a run of its own', { onlyRun: RUN.runId }],
    ['no id token in the place of one', { idToken: null }],
  ];
  describe.each(changes)('that changed %s in a message of a job of the pipeline', (_, change) => {
    it.each(ROLES)('is rejected as %s, and its later messages are ignored', async (role) => {
      const before = await statusOf();
      const client = await harness.rawClient();
      const channelBinding = client.channel === null ? 'none' : 'tls-exporter';
      const hello = helloOf(role, goodToken(), { channelBinding });
      const challenge = await client.next('challenge');
      client.send({ ...signHello(hello, challenge, SECRET, client.channel ?? undefined), ...change });
      expect(await client.next('error')).toMatchObject({ fatal: true, reason: { code: 'DTE_BAD_SECRET' } });
      for (const each of MESSAGES) client.send(each);
      expect(await client.whenClosed()).toEqual({ code: 1008, reason: 'DTE_BAD_SECRET' });
      expect(client.all('welcome')).toEqual([]);
      expect(await statusOf()).toEqual(before);
    });
  });

  it.each(MESSAGES.filter(({ type }) => type !== 'hello'))(
    'that says $type instead of a hello is refused',
    async (message) => {
      const client = await harness.rawClient();
      client.send(message);
      expect(await client.next('error')).toMatchObject({ reason: { code: 'DTE_MALFORMED_MESSAGE' } });
      await client.whenClosed();
    },
  );
});

describe.each(ROLES)('a job of the pipeline that joined as %s', (role) => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await kinds.embedded();
    await furnish(harness);
  });
  afterAll(() => harness.cleanUp());

  it.each(MESSAGES.map((message) => [message.type, message] as const))(
    'may say %s only if it is for its role',
    async (type, message) => {
      const client = await harness.connect(helloOf(role, goodToken()));
      await client.next('welcome');
      client.send(message);
      if (ALLOWED[role].includes(type)) {
        const alive = new Promise((resolve) => client.socket.once('pong', resolve));
        client.socket.ping();
        await alive;
        expect(client.closed).toBeNull();
        client.socket.terminate();
      } else {
        expect(await client.whenClosed()).toEqual({ code: 1008, reason: 'DTE_MALFORMED_MESSAGE' });
      }
    },
  );
});

describe.each(ENDPOINTS)('%s %s', (...endpoint) => {
  const answers = endpoint[3];
  let harness: Harness;
  let bystander: Instances['gitlab'];

  /** Both instances are accepted here, with projects and pipelines of the same numbers. */
  beforeEach(async () => {
    bystander = instances.stranger;
    const issuers = [instances.gitlab.issuer, bystander.issuer];
    harness = await Harness.start({ secret: SECRET, idTokens: { issuers, audience: 'dte' } });
    await furnish(harness);
  });
  afterEach(() => harness.cleanUp());

  it.each(ROLES)('answers a job of the pipeline according to its role: %s', async (role) => {
    const client = await harness.connect(helloOf(role, goodToken()));
    if (role === 'agent') await client.next('agent.wanted');
    expect(await ask(harness, endpoint, client.token)).toMatchObject({ status: answers[role] });
  });

  it('answers a person with the link of the session, who may look at its report and do nothing else', async () => {
    const { token } = await harness.connect(helloOf('main', goodToken()));
    const link = await httpCall(harness.url, { method: 'POST', path: HTTP.viewLink, token });
    const viewer = (JSON.parse(link.text) as { path: string }).path.split('#')[1]!;
    expect(await ask(harness, endpoint, viewer)).toMatchObject({ status: answers.viewer });
    const cookie = `dte_viewer=${viewer}`;
    const [method, path, body] = endpoint;
    const byCookie = await httpCall(harness.url, {
      method,
      path,
      headers: { cookie },
      ...(body === null ? {} : { body }),
    });
    const isOpen = path === HTTP.health || path === HTTP.ready || path.startsWith('/v1/sessions/');
    expect([path, byCookie.status]).toEqual([path, isOpen ? 200 : 401]);
  });

  const neighbours: [string, string, () => string][] = [
    ['another project', '43-1001', () => instances.gitlab.idToken(claimsOf({ project_id: '43' }))],
    ['another pipeline', '42-1002', () => instances.gitlab.idToken(claimsOf({ pipeline_id: '1002' }))],
    ['another instance', '42-1001', () => bystander.idToken(claimsOf())],
    ['another environment', '42-1001-windows', goodToken],
  ];
  it.each(neighbours)('answers the main job of %s from its own session', async (_, sessionId, idToken) => {
    const { token } = await harness.connect(helloOf('main', idToken(), { sessionId }));
    // The path names the session, and that of the other instance has the same number.
    const isOwn = endpoint[1].startsWith('/v1/sessions/') && sessionId === SESSION;
    expect(await ask(harness, endpoint, token)).toMatchObject({
      status: isOwn ? answers.main : answers.other,
    });
  });
});
