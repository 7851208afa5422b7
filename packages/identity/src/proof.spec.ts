import { createHmac } from 'node:crypto';
import { type Handshake, PROTOCOL_VERSION, proofInput, type Signed, UNBOUND } from '@org/dte-protocol';
import { isProof, makeProof, newNonce, sameText } from './proof';

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
const CLIENT: Signed = { speaker: 'client' };
const REFUSAL: Signed = {
  speaker: 'server',
  answer: { type: 'error', reason: { code: 'DTE_TOO_MANY', message: 'Full.' }, fatal: true },
};

it('is an HMAC-SHA256 over the text that the protocol names, in hex', () => {
  const expected = createHmac('sha256', 'secret').update(proofInput(CLIENT, handshake)).digest('hex');
  expect(makeProof('secret', CLIENT, handshake)).toBe(expected);
});

it('is the proof of one side, with one secret, on one connection', () => {
  const proof = makeProof('secret', CLIENT, handshake);
  expect(isProof(proof, 'secret', CLIENT, handshake)).toBe(true);
  expect(isProof(proof, 'another', CLIENT, handshake)).toBe(false);
  expect(isProof(proof, 'secret', REFUSAL, handshake)).toBe(false);
  expect(isProof(proof, 'secret', CLIENT, { ...handshake, channel: 'ab'.repeat(32) })).toBe(false);
  expect(isProof(null, 'secret', CLIENT, handshake)).toBe(false);
  expect(isProof(undefined, 'secret', CLIENT, handshake)).toBe(false);
});

it('uses a nonce that is never the same', () => {
  expect(newNonce()).toMatch(/^[0-9a-f]{64}$/);
  expect(newNonce()).not.toBe(newNonce());
});

it('is compared as a whole', () => {
  expect(sameText('abc', 'abc')).toBe(true);
  expect(sameText('abc', 'abd')).toBe(false);
  expect(sameText('abc', 'ab')).toBe(false);
});
