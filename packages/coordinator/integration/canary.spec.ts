import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { createCoordinatorCertificate } from '@org/dte-identity';
import { HTTP } from '@org/dte-protocol';
import {
  runSpec,
  taskSpec,
  type FakeGitlab,
  httpCall,
  type RawClient,
  startFakeGitlab,
} from '@org/dte-testing';
import { createLog } from '../src';
import { agentSync, completed, Harness, success } from './support/harness';
import { claimsOf, helloOf } from './support/pipelines';

const SECRET = 'canary-secret-4f1d9c';
const FORWARDED = 'canary-forwarded-a7720b';
const certificate = createCoordinatorCertificate();

let gitlab: FakeGitlab;
let harness: Harness;
let lines: string[];
/** Name of each secret, and how it would be found. */
let canaries: [string, string][];
beforeEach(async () => {
  gitlab = await startFakeGitlab({ projects: [] });
  lines = [];
  const own = gitlab.idToken(claimsOf({ job_id: '1' }));
  harness = await Harness.start({
    secret: SECRET,
    tls: certificate,
    idTokens: { issuers: [gitlab.issuer], audience: 'dte', own },
    logger: createLog('debug', (line) => lines.push(line)),
  });
  canaries = [
    ['the secret', SECRET],
    ['the value of a forwarded variable', FORWARDED],
    ['the id token of the coordinator', own],
    ['the TLS key', certificate.key.split('\n')[1] ?? ''],
  ];
});
afterEach(async () => {
  await harness.cleanUp();
  await gitlab.close();
});

/** Everything below the data folder, unpacked, by its path. */
function written(): [string, string][] {
  return readdirSync(harness.dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => {
      const bytes = readFileSync(join(entry.parentPath, entry.name));
      const raw = entry.name.endsWith('.br') ? brotliDecompressSync(bytes) : bytes;
      return [entry.name, raw.toString('latin1')];
    });
}

const found = (places: readonly [string, string][]): string[] =>
  places.flatMap(([place, text]) =>
    canaries.filter(([, canary]) => text.includes(canary)).map(([name]) => `${name} in ${place}`),
  );

async function enter(role: 'main' | 'agent' | 'observer', job: string): Promise<RawClient> {
  const idToken = gitlab.idToken(claimsOf({ job_id: job }));
  const client = await harness.connect(helloOf(role, idToken));
  const signature = idToken.split('.')[2] ?? '';
  canaries.push([`the id token of the ${role}`, signature], [`the token of the ${role}`, client.token]);
  return client;
}

/** A run from its beginning to its end, with requests that fail in between. */
async function work(main: RawClient, agent: RawClient): Promise<void> {
  const { url } = harness;
  const { token } = main;
  await harness.submit(main, {
    ...runSpec('r1', [taskSpec('app:build')]),
    forwardedEnv: ['SECRET_OF_USER'],
  });
  const env = JSON.stringify({ values: { SECRET_OF_USER: FORWARDED } });
  await httpCall(url, { method: 'PUT', path: HTTP.runEnv('r1'), token, body: env });
  expect((await httpCall(url, { path: HTTP.runEnv('r1'), token: agent.token })).text).toContain(FORWARDED);
  agent.send(agentSync(1));
  await agent.next('agent.wanted', ({ assignments }) => assignments.length === 1);
  await harness.putCache(agent, 'hash-app-build', 'outputs');
  for (const path of ['/v1/nothing', HTTP.cache('absent'), HTTP.run('..%2f')])
    await httpCall(url, { path, token });
  await httpCall(url, { path: HTTP.sessionStatus, token: `${token}x` });
  await httpCall(url, { method: 'PUT', path: HTTP.runEnv('r1'), token, body: `{"values":${FORWARDED}` });
  agent.send(agentSync(2, [completed('r1', 'app:build', success('hash-app-build'))]));
  await main.next('run.update', ({ state }) => state === 'finished');
}

it('no secret is in the journal, the run, any other file, the log or what others are sent, before and after a restart', async () => {
  const main = await enter('main', '10');
  const agent = await enter('agent', '11');
  const observer = await enter('observer', '12');
  (
    await harness.connect(helloOf('agent', gitlab.idToken(claimsOf({ job_id: '13' }))), `${SECRET}x`)
  ).socket.terminate();
  await work(main, agent);
  const status = await httpCall(harness.url, { path: HTTP.sessionStatus, token: observer.token });
  const heard = [...main.received, ...agent.received, ...observer.received].filter(
    ({ type }) => type !== 'welcome',
  );
  const shown: [string, string][] = [
    ['the messages', JSON.stringify(heard)],
    ['the status', status.text],
  ];
  const files = written();
  expect(files.map(([name]) => name)).toEqual(
    expect.arrayContaining(['journal.jsonl', 'r1.json.br', 'token-key']),
  );
  // What is searched for would be found.
  expect(found([['a welcome', JSON.stringify(main.received)]])).not.toEqual([]);
  expect(lines.length).toBeGreaterThan(5);
  expect(found([...files, ...shown, ['the log', lines.join('')]])).toEqual([]);
  await harness.coordinator.close();
  await harness.startCoordinator();
  expect(found([...written(), ['the log', lines.join('')]])).toEqual([]);
});
