import type { Identity } from '@org/dte-protocol';
import { exampleHello } from '@org/dte-testing';
import { compareIdentity } from './identity';

const digest = (letter: string): string => letter.repeat(64);
const main: Identity = {
  ...exampleHello().identity,
  nodeVersion: 'v20.20.2',
  platform: 'linux-x64',
  lockfiles: { 'package-lock.json': digest('a') },
};
const compare = (agent: Partial<Identity>, session: Partial<Identity> = {}) =>
  compareIdentity(
    { ...main, ...session },
    exampleHello({ name: 'agent 1', identity: { ...main, ...agent } }),
  );

it.each<[string, Partial<Identity>, Partial<Identity>]>([
  ['the same', {}, {}],
  ['another version of the same major of Node', { nodeVersion: 'v20.9.0' }, {}],
  ['another platform, on which nothing depends', { platform: 'darwin-arm64' }, {}],
  ['an agent that says nothing of lockfiles', { lockfiles: undefined }, {}],
  ['a main job that says nothing of lockfiles', {}, { lockfiles: undefined }],
  ['the same platform, on which tasks depend', {}, { samePlatform: true }],
])('takes %s', (_, agent, session) => {
  expect(compare(agent, session)).toBeNull();
});

it.each<[string, Partial<Identity>, Partial<Identity>, string, RegExp]>([
  [
    'another lockfile',
    { lockfiles: { 'package-lock.json': digest('b') } },
    {},
    'DTE_LOCKFILE_MISMATCH',
    /another package-lock\.json \(one with the digest b{12}\).*main job \(one with the digest a{12}\)/,
  ],
  ['no lockfile', { lockfiles: {} }, {}, 'DTE_LOCKFILE_MISMATCH', /\(none\)/],
  [
    'one lockfile more',
    { lockfiles: { ...main.lockfiles, 'yarn.lock': digest('c') } },
    {},
    'DTE_LOCKFILE_MISMATCH',
    /another yarn\.lock .*main job \(none\)/,
  ],
  [
    'another major of Node',
    { nodeVersion: 'v22.1.0' },
    {},
    'DTE_NODE_MISMATCH',
    /"agent 1" runs on Node\.js v22\.1\.0, .* on v20\.20\.2/,
  ],
  [
    'another platform, on which tasks depend',
    { platform: 'linux-arm64' },
    { samePlatform: true },
    'DTE_PLATFORM_MISMATCH',
    /linux-arm64, .*linux-x64.*samePlatform/,
  ],
])('refuses %s, with both sides', (_, agent, session, code, message) => {
  const error = compare(agent, session);
  expect([error?.code, error?.message]).toEqual([code, expect.stringMatching(message)]);
});
