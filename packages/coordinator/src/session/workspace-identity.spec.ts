import type { WorkspaceIdentity } from '@org/dte-protocol';
import { exampleHello } from '@org/dte-testing';
import { compareWorkspaces } from './workspace-identity';

const digest = (letter: string): string => letter.repeat(64);
const main: WorkspaceIdentity = {
  ...exampleHello().identity,
  nodeVersion: 'v20.20.2',
  platform: 'linux-x64',
  lockfiles: { 'package-lock.json': digest('a') },
  folder: 'apps/web/',
};
const compare = (agent: Partial<WorkspaceIdentity>, session: Partial<WorkspaceIdentity> = {}) =>
  compareWorkspaces(
    { ...main, ...session },
    exampleHello({ name: 'agent 1', identity: { ...main, ...agent } }),
  );

interface Difference {
  readonly agent: Partial<WorkspaceIdentity>;
  readonly session?: Partial<WorkspaceIdentity>;
}

it.each<[string, Partial<WorkspaceIdentity>, Partial<WorkspaceIdentity>]>([
  ['the same', {}, {}],
  ['another version of the same major of Node', { nodeVersion: 'v20.9.0' }, {}],
  ['another platform, on which nothing depends', { platform: 'darwin-arm64' }, {}],
  ['an agent that says nothing of lockfiles', { lockfiles: undefined }, {}],
  ['a main job that says nothing of lockfiles', {}, { lockfiles: undefined }],
  ['an agent that does not know its folder in the repository', { folder: undefined }, {}],
  ['the same platform, on which tasks depend', {}, { samePlatform: true }],
])('takes %s', (_, agent, session) => {
  expect(compare(agent, session)).toBeNull();
});

it.each<[string, Difference, { code: string; message: RegExp }]>([
  [
    'another lockfile',
    { agent: { lockfiles: { 'package-lock.json': digest('b') } } },
    {
      code: 'DTE_LOCKFILE_MISMATCH',
      message:
        /another package-lock\.json \(one with the digest b{12}\).*main job \(one with the digest a{12}\)/,
    },
  ],
  [
    'another workspace of the repository, even with the same lockfile',
    { agent: { folder: 'services/api/' } },
    {
      code: 'DTE_WORKSPACE_MISMATCH',
      message: /"agent 1" works in the workspace services\/api\/ .*main job in apps\/web\//,
    },
  ],
  [
    'the workspace at the root',
    { agent: { folder: '' } },
    { code: 'DTE_WORKSPACE_MISMATCH', message: /at the root/ },
  ],
  ['no lockfile', { agent: { lockfiles: {} } }, { code: 'DTE_LOCKFILE_MISMATCH', message: /\(none\)/ }],
  [
    'one lockfile more',
    { agent: { lockfiles: { ...main.lockfiles, 'yarn.lock': digest('c') } } },
    { code: 'DTE_LOCKFILE_MISMATCH', message: /another yarn\.lock .*main job \(none\)/ },
  ],
  [
    'another major of Node',
    { agent: { nodeVersion: 'v22.1.0' } },
    {
      code: 'DTE_NODE_MISMATCH',
      message: /"agent 1" runs on Node\.js v22\.1\.0, .* on v20\.20\.2/,
    },
  ],
  [
    'another platform, on which tasks depend',
    { agent: { platform: 'linux-arm64' }, session: { samePlatform: true } },
    { code: 'DTE_PLATFORM_MISMATCH', message: /linux-arm64, .*linux-x64.*samePlatform/ },
  ],
])('refuses %s, with both sides', (_, { agent, session }, { code, message }) => {
  const error = compare(agent, session);
  expect([error?.code, error?.message]).toEqual([code, expect.stringMatching(message)]);
});
