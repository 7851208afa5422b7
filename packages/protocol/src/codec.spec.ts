import { z } from 'zod';
import { decode, decodeFirst, encode } from './codec';
import { DteError } from './errors';
import { challengeSchema, helloSchema } from './handshake';
import { LIMITS } from './limits';
import { PROTOCOL_VERSION } from './version';

const schema = z.strictObject({ type: z.literal('greeting'), text: z.string(), count: z.int() });

function errorOf(work: () => unknown): DteError {
  try {
    work();
  } catch (thrown) {
    return DteError.from(thrown);
  }
  throw new Error('It did not throw.');
}

describe('decode', () => {
  it('returns what was encoded', () => {
    const challenge = { type: 'challenge', protocolVersion: 1, serverNonce: 'ab'.repeat(16) } as const;
    expect(decode(challengeSchema, encode(challenge))).toEqual(challenge);
  });

  it('rejects a frame above the limit before it parses it', () => {
    const error = errorOf(() => decode(schema, '{'.repeat(11), 10));
    expect(error).toMatchObject({ code: 'DTE_FRAME_TOO_LARGE' });
    expect(error.message).toContain('limit of 10 bytes');
  });

  it('accepts a frame of exactly the limit', () => {
    const frame = JSON.stringify({ type: 'greeting', text: 'hi', count: 1 });
    expect(decode(schema, frame, frame.length)).toMatchObject({ text: 'hi' });
  });

  it.each(['', '{', 'hello', '{"type":"greeting"'])('refuses %j, which is not JSON', (frame) => {
    expect(errorOf(() => decode(schema, frame))).toMatchObject({
      code: 'DTE_MALFORMED_MESSAGE',
      message: 'A frame is not JSON.',
    });
  });

  it('names the invalid fields, at most three', () => {
    const many = z.strictObject({ a: z.string(), b: z.string(), c: z.string(), d: z.string() });
    const { message } = errorOf(() => decode(many, '{}'));
    expect(message).toMatch(/a: .*; b: .*; c: /);
    expect(message).not.toMatch(/d: /);
  });

  it('rejects an unknown field', () => {
    const frame = JSON.stringify({ type: 'greeting', text: 'hi', count: 1, extra: true });
    expect(errorOf(() => decode(schema, frame)).message).toContain('extra');
  });
});

describe('decodeFirst', () => {
  it('checks the version before the shape', () => {
    const error = errorOf(() => decodeFirst(helloSchema, '{"protocolVersion":2,"new":true}'));
    expect(error).toMatchObject({ code: 'DTE_PROTOCOL_VERSION' });
    expect(error.message).toContain(`uses protocol version 2, this side uses ${PROTOCOL_VERSION}`);
  });

  it('reports a wrong shape of the right version as malformed', () => {
    const frame = JSON.stringify({ protocolVersion: PROTOCOL_VERSION });
    expect(errorOf(() => decodeFirst(helloSchema, frame))).toMatchObject({ code: 'DTE_MALFORMED_MESSAGE' });
  });

  it('accepts at most the size of a hello', () => {
    const frame = JSON.stringify({ padding: 'x'.repeat(LIMITS.helloBytes.value) });
    expect(errorOf(() => decodeFirst(helloSchema, frame))).toMatchObject({ code: 'DTE_FRAME_TOO_LARGE' });
  });
});
