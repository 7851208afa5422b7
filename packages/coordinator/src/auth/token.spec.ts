import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeFileSystem } from '../files/file-system';
import { boundKey, type Claims, loadTokenKey, TokenIssuer } from './token';

const claims: Claims = { sessionId: 's1', role: 'agent', clientId: 'a1', expiresAtMs: 1_000, grant: null };

describe('TokenIssuer', () => {
  it('accepts its own tokens until they expire, also those of an earlier process with the same key', () => {
    let nowMs = 0;
    const key = Buffer.alloc(32, 1);
    const token = new TokenIssuer(key, () => 0).issue(claims);
    const later = new TokenIssuer(key, () => nowMs);
    expect(later.verify(token)).toEqual(claims);
    nowMs = 999;
    expect(later.verify(token)).toEqual(claims);
    nowMs = 1_000;
    expect(() => later.verify(token)).toThrow(/expired/);
  });

  it('creates tokens that fit into the welcome message, for the longest ids', () => {
    const long = {
      ...claims,
      sessionId: 's'.repeat(128),
      clientId: 'c'.repeat(128),
      expiresAtMs: Date.now(),
    };
    expect(new TokenIssuer(Buffer.alloc(32), Date.now).issue(long).length).toBeLessThanOrEqual(512);
  });

  it('rejects a token in which any one character is changed', () => {
    const issuer = new TokenIssuer(Buffer.alloc(32, 1), () => 0);
    const token = issuer.issue(claims);
    for (let at = 0; at < token.length - 1; at++) {
      const other = token[at] === 'A' ? 'B' : 'A';
      const changed = token.slice(0, at) + other + token.slice(at + 1);
      expect(() => issuer.verify(changed)).toThrow(/not issued/);
    }
  });

  it('rejects tokens of another key', () => {
    const token = new TokenIssuer(Buffer.alloc(32, 1), () => 0).issue(claims);
    expect(() => new TokenIssuer(Buffer.alloc(32, 2), () => 0).verify(token)).toThrow(/not issued/);
  });
});

describe('boundKey', () => {
  const kept = Buffer.alloc(32, 1);

  it('derives the same key after a restart, and another one with fewer credentials', () => {
    const key = boundKey(kept, ['secret', 'id token']);
    expect(boundKey(kept, ['secret', 'id token']).equals(key)).toBe(true);
    const others = [
      kept,
      boundKey(kept, []),
      boundKey(kept, ['secret', null]),
      boundKey(kept, [null, 'id token']),
    ];
    const token = new TokenIssuer(key, () => 0).issue(claims);
    for (const other of others)
      expect(() => new TokenIssuer(other, () => 0).verify(token)).toThrow(/not issued/);
  });
});

describe('loadTokenKey', () => {
  it('creates a key once, readable only by its owner', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dte-key-'));
    const first = await loadTokenKey(nodeFileSystem, folder);
    expect(first).toHaveLength(32);
    expect((await loadTokenKey(nodeFileSystem, folder)).equals(first)).toBe(true);
    expect((await stat(join(folder, 'token-key'))).mode & 0o077).toBe(0);
    await rm(folder, { recursive: true });
  });
});
