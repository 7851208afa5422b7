import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type LimitValues, readLimits } from '@org/dte-protocol';
import {
  type FakeGitlab,
  type IdTokenOptions,
  selfSignedCertificate,
  startFakeGitlab,
} from '@org/dte-testing';
import { IdTokenVerifier, readOwnIdToken } from '../src';

const claims = { project_id: '42', pipeline_id: '1001', job_id: '7', sha: 'a'.repeat(40) };
const MINUTE_MS = 60_000;
/** Where the clock of every test begins: the table of wrong tokens below is made of it, when the file loads. */
const BEGIN_MS = Date.now();
const refusal = (message: string, code = 'DTE_ID_TOKEN_REFUSED') =>
  expect.objectContaining({ code, message: expect.stringContaining(message) as string }) as Error;

let gitlab: FakeGitlab;
let nowMs: number;
const verifierOf = (
  options: { issuers?: string[]; audience?: string; limits?: LimitValues } = {},
): IdTokenVerifier =>
  new IdTokenVerifier({
    issuers: options.issuers ?? [gitlab.issuer],
    audience: options.audience ?? 'dte',
    limits: options.limits ?? readLimits({}).limits,
    now: () => nowMs,
  });
const fetches = (path: string): number => gitlab.requests().filter(({ target }) => target === path).length;
const keyFetches = (): number => fetches('/oauth/discovery/keys');

beforeEach(async () => {
  nowMs = BEGIN_MS;
  gitlab = await startFakeGitlab({ projects: [], now: () => nowMs });
});
afterEach(() => gitlab.close());

describe('an id token of a GitLab job', () => {
  it('is accepted, and names its job', async () => {
    const token = gitlab.idToken(claims);
    const expected = {
      issuer: gitlab.issuer,
      projectId: '42',
      pipelineId: '1001',
      jobId: '7',
      sha: claims.sha,
      originProjectId: '42',
      ref: 'main',
      refType: 'branch',
      refProtected: true,
      pipelineSource: 'push',
      issuedAtMs: Math.floor(nowMs / 1000) * 1000,
      expiresAtMs: (Math.floor(nowMs / 1000) + 3_600) * 1000,
    };
    expect(await verifierOf().verify(token)).toEqual(expected);
    expect(readOwnIdToken(token)).toEqual(expected);
  });

  it('is accepted if its issuer has a slash at its end', async () => {
    const verifier = verifierOf({ issuers: [`${gitlab.issuer}/`] });
    expect(await verifier.verify(gitlab.idToken(claims))).toMatchObject({ projectId: '42' });
  });

  it('is accepted when the expected audience is one of several', async () => {
    const token = gitlab.idToken(claims, { audience: ['vault', 'dte'] });
    expect(await verifierOf().verify(token)).toMatchObject({ projectId: '42' });
  });

  const wrong: [string, IdTokenOptions, object, string][] = [
    ['unsigned', { alg: 'none' }, {}, 'signed with "none"'],
    ['signed with the public key as a secret', { alg: 'HS256' }, {}, 'signed with "HS256"'],
    ['signed with an unknown key', { kid: 'unknown' }, {}, 'a key that http'],
    ['for another audience', { audience: 'vault' }, {}, 'another audience than dte'],
    ['for no audience', {}, { aud: undefined }, 'audience'],
    ['expired a minute ago', { expiresInS: -60 }, {}, 'expired at 20'],
    ['expired before there was a calendar', { expiresInS: -1e15 }, {}, 'expired at -'],
    ['without an end', {}, { exp: undefined }, 'exp'],
    ['not valid before next minute', {}, { nbf: BEGIN_MS / 1000 + 60 }, 'not valid yet'],
    ['issued in the future', {}, { iat: BEGIN_MS / 1000 + 60 }, 'issued in the future'],
    ['of another issuer', {}, { iss: 'https://evil.example' }, 'issued by "https://evil.example"'],
    ['of no issuer', {}, { iss: undefined }, 'issued by null'],
    ['of an issuer that is longer', {}, { iss: 'http://127.0.0.1.evil.example' }, 'accepted: http'],
    ['with a project id that is a number', {}, { project_id: 42 }, 'project_id: '],
    ['without pipeline', {}, { pipeline_id: undefined }, 'pipeline_id: '],
    ['with a commit that is a branch', {}, { sha: 'main' }, 'sha: must be a commit SHA'],
  ];
  it.each(wrong)('is rejected when it is %s', async (_, options, more, message) => {
    const token = gitlab.idToken({ ...claims, ...more }, options);
    await expect(verifierOf().verify(token)).rejects.toThrow(refusal(message));
  });

  it('is rejected when a claim was changed', async () => {
    const [header, payload, signature] = gitlab.idToken(claims).split('.');
    const changed = JSON.parse(Buffer.from(payload!, 'base64url').toString()) as object;
    const other = Buffer.from(JSON.stringify({ ...changed, project_id: '43' })).toString('base64url');
    await expect(verifierOf().verify(`${header}.${other}.${signature}`)).rejects.toThrow(
      refusal('invalid signature'),
    );
  });

  it('is rejected when its signature is that of another token', async () => {
    const [one, other] = [gitlab.idToken(claims), gitlab.idToken({ ...claims, project_id: '43' })];
    const mixed = [...other.split('.').slice(0, 2), one.split('.')[2]].join('.');
    await expect(verifierOf().verify(mixed)).rejects.toThrow(refusal('invalid signature'));
  });

  it.each(['', 'a.b.c', 'nonsense', `${'x'.repeat(9_000)}.y.z`])(
    'is rejected when it is not a token: %#',
    async (text) => {
      await expect(verifierOf().verify(text)).rejects.toThrow(refusal('The id token is'));
      expect(gitlab.requests()).toEqual([]);
    },
  );

  it('is accepted within the leeway of the clocks, and not later', async () => {
    const token = gitlab.idToken(claims, { expiresInS: 60 });
    const verifier = verifierOf();
    nowMs += MINUTE_MS + 28_000;
    await verifier.verify(token);
    nowMs += 4_000;
    await expect(verifier.verify(token)).rejects.toThrow(refusal('expired at'));
  });

  it('of an instance that is not allowed causes no request', async () => {
    const token = gitlab.idToken(claims);
    await expect(verifierOf({ issuers: ['http://127.0.0.1:9'] }).verify(token)).rejects.toThrow(
      refusal('accepted: http://127.0.0.1:9'),
    );
    expect(gitlab.requests()).toEqual([]);
  });
});

describe('the keys of an issuer', () => {
  it('are fetched once for many tokens, also if they arrive at the same time', async () => {
    const verifier = verifierOf();
    await Promise.all(Array.from({ length: 20 }, () => verifier.verify(gitlab.idToken(claims))));
    await verifier.verify(gitlab.idToken(claims));
    expect(fetches('/.well-known/openid-configuration')).toBe(1);
    expect(keyFetches()).toBe(1);
  });

  it('are fetched again when a token names a new key', async () => {
    const verifier = verifierOf();
    const before = gitlab.idToken(claims);
    await verifier.verify(before);
    gitlab.rotateKeys(true);
    nowMs += MINUTE_MS;
    await verifier.verify(gitlab.idToken(claims));
    await verifier.verify(before);
    expect(keyFetches()).toBe(2);
  });

  it('are rejected some time after the issuer has revoked them', async () => {
    const verifier = verifierOf();
    const before = gitlab.idToken(claims);
    await verifier.verify(before);
    gitlab.rotateKeys();
    nowMs += 11 * MINUTE_MS;
    await expect(verifier.verify(before)).rejects.toThrow(refusal('does not have'));
  });

  it('are not fetched for every unknown key: the client has to retry', async () => {
    const verifier = verifierOf();
    await verifier.verify(gitlab.idToken(claims));
    for (let i = 0; i < 20; i++) {
      await expect(verifier.verify(gitlab.idToken(claims, { kid: `made-up-${i}` }))).rejects.toThrow(
        refusal('just now', 'DTE_ISSUER_UNAVAILABLE'),
      );
    }
    expect(keyFetches()).toBe(1);
    nowMs += MINUTE_MS;
    await expect(verifier.verify(gitlab.idToken(claims, { kid: 'made-up' }))).rejects.toThrow(
      refusal('does not have'),
    );
    expect(keyFetches()).toBe(2);
  });

  it('are fetched again for the next token if they could not be fetched', async () => {
    const { limits } = readLimits({});
    const verifier = verifierOf({ limits });
    for (const failure of [500, 302, 'reset', 'hang'] as const) {
      gitlab.failNext(failure);
      limits.issuerRequestMs = failure === 'hang' ? 1_000 : 60_000;
      await expect(verifier.verify(gitlab.idToken(claims))).rejects.toThrow(
        refusal(`cannot be fetched from ${gitlab.issuer}/.well-known`, 'DTE_ISSUER_UNAVAILABLE'),
      );
    }
    limits.issuerRequestMs = 60_000;
    expect(await verifier.verify(gitlab.idToken(claims))).toMatchObject({ projectId: '42' });
  });
});

// Skipped on a machine without openssl.
const certificate = selfSignedCertificate();
(certificate === null ? describe.skip : describe)(
  'an issuer with a certificate that Node does not know',
  () => {
    let secure: FakeGitlab;
    beforeAll(async () => {
      secure = await startFakeGitlab({ projects: [], tls: certificate! });
    });
    afterAll(() => secure.close());
    const verifyWith = (authorities: string[]): Promise<unknown> =>
      new IdTokenVerifier({
        issuers: [secure.issuer],
        audience: 'dte',
        limits: readLimits({}).limits,
        authorities,
      }).verify(secure.idToken(claims));

    it('is not trusted, and the message gives the reason', async () => {
      await expect(verifyWith([])).rejects.toThrow(refusal('self-signed', 'DTE_ISSUER_UNAVAILABLE'));
    });

    it('is trusted if its certificate authority is configured', async () => {
      expect(await verifyWith([certificate!.cert])).toMatchObject({ projectId: '42' });
    });
  },
);

describe('an issuer that violates the specification', () => {
  const servers: { close(): void }[] = [];
  afterEach(() => servers.splice(0).forEach((server) => server.close()));

  const serve = async (listener: RequestListener): Promise<string> => {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  const verifyAt = (issuer: string): Promise<unknown> =>
    verifierOf({ issuers: [issuer] }).verify(gitlab.idToken({ ...claims, iss: issuer }));

  it('sends more than a discovery document may have: fails', async () => {
    const issuer = await serve((_, response) => response.end(Buffer.alloc(1_000_000, 'x')));
    await expect(verifyAt(issuer)).rejects.toThrow(refusal('larger than', 'DTE_ISSUER_UNAVAILABLE'));
  });

  it.each(['<html>', '[]', '{"issuer":"x"}'])('answers %s: fails', async (text) => {
    const issuer = await serve((_, response) => response.end(text));
    await expect(verifyAt(issuer)).rejects.toThrow(refusal(issuer, 'DTE_ISSUER_UNAVAILABLE'));
  });

  it('names another issuer: its keys are not used', async () => {
    const issuer = await serve((_, response) =>
      response.end(JSON.stringify({ issuer: 'https://gitlab.example', jwks_uri: `${gitlab.issuer}/keys` })),
    );
    await expect(verifyAt(issuer)).rejects.toThrow(
      refusal('it identifies itself as https://gitlab.example', 'DTE_ISSUER_UNAVAILABLE'),
    );
  });

  it('has a key that is nested too deep to be copied: its keys are not used', async () => {
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
    const issuer = await serve(({ url }, response) =>
      response.end(
        url === '/keys'
          ? `{"keys":[{"kty":"RSA","x5c":${deep}}]}`
          : JSON.stringify({ issuer, jwks_uri: `${issuer}/keys` }),
      ),
    );
    await expect(verifyAt(issuer)).rejects.toThrow(
      refusal('its keys cannot be read', 'DTE_ISSUER_UNAVAILABLE'),
    );
  });

  it('has an invalid address: fails before any request', () => {
    for (const issuers of [['gitlab.example'], ['ftp://gitlab.example'], ['https://gitlab.example/?x=1'], []])
      expect(() => verifierOf({ issuers })).toThrow(refusal('issuers', 'DTE_BAD_CONFIG'));
  });
});
