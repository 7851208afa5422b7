import { IdTokenVerifier, readOwnIdToken, requireOwnSession, requireSamePipeline } from '@org/dte-identity';
import { readLimits } from '@org/dte-protocol';
import { type FakeGitlab, startFakeGitlab } from '@org/dte-testing';
import { expectForeseen } from '../expect-error';
import { broken, changed, hostileValue, type Json, randomBytes, toText } from '../hostile';
import { mustHold, type Note, type Random, type Running, type Target } from '../target';

const CODES = ['DTE_ID_TOKEN_REFUSED', 'DTE_ISSUER_UNAVAILABLE'] as const;
const CLAIMS = { project_id: '7', pipeline_id: '1001', job_id: '5', sha: 'a'.repeat(40) };

const base64url = (text: string): string => Buffer.from(text).toString('base64url');

class IdTokens {
  private readonly verifier: IdTokenVerifier;
  private readonly good: string;

  constructor(private readonly gitlab: FakeGitlab) {
    // A made-up key id makes the verifier ask again, as often as the cooldown allows: here nearly never.
    const limits = { ...readLimits({}).limits, issuerCooldownMs: 3_600_000 };
    this.verifier = new IdTokenVerifier({ issuers: [gitlab.issuer], audience: 'dte', limits });
    this.good = gitlab.idToken(CLAIMS);
  }

  async attempt(random: Random, note: Note): Promise<void> {
    const { token, mayBeGood } = this.tokenOf(random);
    note(token);
    const claims = await this.verifier.verify(token).catch((thrown: unknown) => {
      expectForeseen(thrown, CODES);
      return null;
    });
    mustHold(claims === null || mayBeGood, () => 'A token that GitLab has not signed was accepted.');
    try {
      if (claims !== null) requireSamePipeline(claims, claims);
      if (claims !== null) requireOwnSession(claims, `${claims.projectId}-${claims.pipelineId}`, claims.sha);
    } catch (thrown) {
      expectForeseen(thrown, CODES);
    }
    try {
      readOwnIdToken(token);
    } catch (thrown) {
      expectForeseen(thrown, CODES);
    }
  }

  async close(): Promise<void> {
    await this.gitlab.close();
  }

  /** Signed by GitLab with claims that are wrong; or changed after it was signed, which must always be noticed. */
  private tokenOf(random: Random): { token: string; mayBeGood: boolean } {
    if (random.chance(0.15)) {
      const claim = random.pick([
        ...Object.keys(CLAIMS),
        'exp',
        'iat',
        'nbf',
        'aud',
        'iss',
        'job_project_id',
        '__proto__',
      ]);
      const value = hostileValue(random);
      // `@@raw` texts stay texts here: a signature is over what is sent.
      const text = typeof value === 'string' && value.length > 500 ? value.slice(0, 500) : value;
      return { token: this.gitlab.idToken({ ...CLAIMS, [claim]: text }), mayBeGood: true };
    }
    const [header = '', payload = '', signature = ''] = this.good.split('.');
    const part = (text: string): string => {
      const value = JSON.parse(Buffer.from(text, 'base64url').toString('utf8')) as Json;
      const changedText = toText(changed(random, value));
      return base64url(random.chance(0.8) ? changedText : broken(random, changedText));
    };
    const token = random.pick<() => string>([
      () => `${part(header)}.${payload}.${signature}`,
      () => `${header}.${part(payload)}.${signature}`,
      () => `${part(header)}.${part(payload)}.${signature}`,
      () => `${header}.${payload}.${base64url(randomBytes(random, 300).toString('latin1'))}`,
      () =>
        `${base64url(JSON.stringify({ alg: random.pick(['none', 'HS256', 'RS512', 'PS256', 'ES256', '', 'rs256']) }))}.${payload}.`,
      () => broken(random, this.good),
      () => random.pick(['', '.', '..', '...', 'a.b.c', '.'.repeat(9_000), 'x'.repeat(70_000)]),
    ])();
    // What was signed is the same; the same signature may be written in several ways (base64 with other last bits).
    return { token, mayBeGood: token.startsWith(`${header}.${payload}.`) };
  }
}

/** Id tokens: claims that are wrong, and tokens that were changed after GitLab had signed them. */
export const idTokens: Target = {
  name: 'id-tokens',
  share: 60,
  caseMs: 60_000,
  open: async (): Promise<Running> => new IdTokens(await startFakeGitlab({ projects: [] })),
};
