import type * as Crypto from 'node:crypto';
import { timingSafeEqual } from 'node:crypto';
import { type Handshake, PROTOCOL_VERSION, UNBOUND } from '@org/dte-protocol';
import { isProof, makeProof, sameText } from './proof';

jest.mock('node:crypto', () => {
  const actual = jest.requireActual<typeof Crypto>('node:crypto');
  return { ...actual, timingSafeEqual: jest.fn(actual.timingSafeEqual) };
});

const compared = (): number => jest.mocked(timingSafeEqual).mock.calls.length;
beforeEach(() => jest.mocked(timingSafeEqual).mockClear());

const handshake: Handshake = {
  challenge: { type: 'challenge', protocolVersion: PROTOCOL_VERSION, serverNonce: '1'.repeat(64) },
  hello: {
    type: 'hello',
    protocolVersion: PROTOCOL_VERSION,
    role: 'agent',
    sessionId: 's1',
    clientId: 'a1',
    name: 'agent 1',
    jobUrl: null,
    clientNonce: '2'.repeat(64),
    identity: { commit: null, nxVersion: '23.0.0', nodeVersion: 'v20.0.0', platform: 'linux-x64' },
    slots: 1,
    labels: [],
  },
  channel: UNBOUND,
};

it('a proof is compared in a time that does not depend on where it is wrong', () => {
  const good = makeProof('secret', { speaker: 'client' }, handshake);
  for (const wrong of [
    `${good.startsWith('0') ? '1' : '0'}${good.slice(1)}`,
    `${good.slice(0, -1)}x`,
    good,
  ]) {
    isProof(wrong, 'secret', { speaker: 'client' }, handshake);
  }
  expect(compared()).toBe(3);
});

it('texts of one length are compared as a whole; the length itself is no secret', () => {
  for (const other of ['xbcd', 'abcx', 'abcd']) sameText('abcd', other);
  expect(compared()).toBe(3);
  expect(sameText('abcd', 'abcde')).toBe(false);
  expect(compared()).toBe(3);
});
