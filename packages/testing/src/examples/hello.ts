import { createHmac, randomBytes } from 'node:crypto';
import { type Challenge, type Hello, PROTOCOL_VERSION, proofInput, UNBOUND } from '@org/dte-protocol';

export const TEST_COMMIT = '0123456789abcdef0123456789abcdef01234567';
export const TEST_NX_VERSION = '23.2.1';

/** A hello that a coordinator without secret accepts; `overrides` change it or make it invalid. */
export function exampleHello(overrides: Partial<Hello> = {}): Hello {
  const id = randomBytes(4).toString('hex');
  return {
    type: 'hello',
    protocolVersion: PROTOCOL_VERSION,
    role: 'agent',
    sessionId: 's1',
    clientId: `client-${id}`,
    name: `client ${id}`,
    jobUrl: null,
    clientNonce: randomBytes(32).toString('hex'),
    proof: null,
    identity: {
      commit: TEST_COMMIT,
      nxVersion: TEST_NX_VERSION,
      nodeVersion: 'v20.20.2',
      platform: 'linux-x64',
    },
    slots: 2,
    labels: [],
    ...overrides,
  };
}

/** The same hello with the proof of a secret; `channel` is what the proof is bound to, as in `Handshake`. */
export function signHello(hello: Hello, challenge: Challenge, secret: string, channel = UNBOUND): Hello {
  const text = proofInput({ speaker: 'client' }, { challenge, hello, channel });
  return { ...hello, proof: createHmac('sha256', secret).update(text).digest('hex') };
}
