import { LIMITS } from '@org/dte-protocol';
import { exampleHello, type RawClient, waitFor } from '@org/dte-testing';
import { createLog } from '../src';
import { Harness } from './support/harness';
import { SECRET } from './support/pipelines';

const WORDS = 'buy-gold-at-evil.example';
const NAME = `${WORDS} ${'x'.repeat(200)}`;
/** Control characters of terminals that an older check accepted. */
const ESCAPES = ['\u001b[2J', '\u009b2J', '\u202e', '\u2028', '\r\n', '\u0085'];

let harness: Harness;
let lines: string[];
beforeEach(async () => {
  lines = [];
  const logger = createLog('debug', (line) => lines.push(line));
  harness = await Harness.start({
    secret: SECRET,
    logger,
    limits: { connectionsPerCoordinator: 5_000, failedHandshakesPerMinute: 1_000 },
  });
});
afterEach(() => harness.cleanUp());

/** Everything that a job would be shown, and the log of the coordinator. */
const shown = (main: RawClient): string => JSON.stringify(main.received) + lines.join('');

it('150 unauthenticated clients are shown as a number without anything they sent, and hide no member', async () => {
  const main = await harness.main();
  for (let n = 0; n < 150; n++) {
    const stranger = await harness.connect({ name: `${n} ${NAME}`, labels: [WORDS] }, n % 2 ? 'wrong' : null);
    await stranger.next('error');
    stranger.socket.terminate();
  }
  const identity = { ...exampleHello().identity, commit: 'f'.repeat(40) };
  const colleague = await harness.agent('build 2/3', { identity });
  await colleague.next('error');
  const { refused } = await main.next('session.info', (info) =>
    info.refused.some(({ name }) => name !== null),
  );
  expect(refused).toHaveLength(2);
  expect(refused).toContainEqual({
    name: 'build 2/3',
    reason: { code: 'DTE_COMMIT_MISMATCH', message: expect.stringContaining('build 2/3') as string },
  });
  const [crowd] = refused.filter(({ name }) => name === null);
  expect(crowd?.reason.code).toBe('DTE_BAD_SECRET');
  expect(crowd?.reason.message).toMatch(
    /^100 connections were rejected .*DTE_SECRET.* The first came at \S+Z from (::ffff:)?127\.0\.0\.1\.$/,
  );
  expect(shown(main)).not.toContain(WORDS);
  expect(lines.filter((line) => line.includes('DTE_BAD_SECRET'))).toHaveLength(3);
});

const hello = (overrides: object): string => JSON.stringify({ ...exampleHello(), ...overrides });
const frames: [string, () => string][] = [
  ['of another protocol version', () => hello({ protocolVersion: 99, name: WORDS })],
  ['with a field that is nothing but words', () => hello({ [WORDS]: 1 })],
  ['with words in the place of a number', () => hello({ slots: WORDS })],
  ['with words for a role', () => hello({ role: WORDS })],
  ['with words for a lockfile', () => hello({ identity: { lockfiles: { [WORDS]: WORDS } } })],
  ['with a session that is words', () => hello({ sessionId: `../${WORDS}` })],
  ['that is words', () => WORDS],
  ...ESCAPES.map((text): [string, () => string] => [
    `with ${JSON.stringify(text)} in its name`,
    () => hello({ name: `${WORDS}${text}` }),
  ]),
];
it.each(frames)('a first message %s appears in no log', async (_, frame) => {
  const main = await harness.main();
  const stranger = await harness.rawClient();
  await stranger.next('challenge');
  stranger.socket.send(frame());
  await stranger.next('error');
  await stranger.whenClosed();
  await waitFor('a line of the log', () => lines.some((line) => line.includes('rejected')));
  // Messages are in order: when the main job has got a later one, it has got all earlier ones.
  await (await harness.agent('colleague')).next('welcome');
  await main.next('session.info', ({ agents }) => agents.some(({ name }) => name === 'colleague'));
  expect(shown(main)).not.toContain(WORDS);
});

it('a first message that is too long is not read, and appears in no log', async () => {
  const main = await harness.main();
  const stranger = await harness.rawClient();
  await stranger.next('challenge');
  stranger.socket.send(hello({ padding: WORDS.repeat(LIMITS.helloBytes.value) }));
  expect(await stranger.whenClosed()).toMatchObject({ code: 1009 });
  await waitFor('a line of the log', () => lines.some((line) => line.includes('rejected')));
  await (await harness.agent('colleague')).next('welcome');
  await main.next('session.info', ({ agents }) => agents.some(({ name }) => name === 'colleague'));
  expect(shown(main)).not.toContain(WORDS);
});

it.each(['\u009b2J', '\u202e', '\u2028'])(
  'a name with %j is taken from nobody, not even from a colleague',
  async (text) => {
    const client = await harness.agent('agent', { name: `agent ${text}` });
    expect(await client.next('error')).toMatchObject({ reason: { code: 'DTE_MALFORMED_MESSAGE' } });
  },
);
