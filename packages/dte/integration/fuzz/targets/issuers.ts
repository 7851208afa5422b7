import { IdTokenVerifier } from '@org/dte-identity';
import { readLimits } from '@org/dte-protocol';
import { type FakeGitlab, startFakeGitlab } from '@org/dte-testing';
import { AnsweringServer, httpAnswer } from '../answering-server';
import { expectForeseen } from '../expect-error';
import { broken, changed, type Json, toText } from '../hostile';
import { oddAnswer } from '../odd-answers';
import { type Note, type Random, type Running, type Target } from '../target';

const CODES = ['DTE_ID_TOKEN_REFUSED', 'DTE_ISSUER_UNAVAILABLE'] as const;
const limits = { ...readLimits({}).limits, issuerRequestMs: 2_000 };
const DISCOVERY = '/.well-known/openid-configuration';

class Issuers {
  private readonly token: string;

  private constructor(
    private readonly gitlab: FakeGitlab,
    private readonly server: AnsweringServer,
    private readonly keys: Json,
  ) {
    const claims = {
      project_id: '7',
      pipeline_id: '1001',
      job_id: '5',
      sha: 'a'.repeat(40),
      iss: server.url,
    };
    this.token = gitlab.idToken(claims);
  }

  static async open(): Promise<Issuers> {
    const gitlab = await startFakeGitlab({ projects: [] });
    const server = await AnsweringServer.start();
    const answer = await fetch(`${gitlab.issuer}/oauth/discovery/keys`);
    return new Issuers(gitlab, server, (await answer.json()) as Json);
  }

  async attempt(random: Random, note: Note): Promise<void> {
    const { server } = this;
    const isDiscovery = random.chance(0.4);
    const good = (document: Json): Buffer => httpAnswer({ body: Buffer.from(JSON.stringify(document)) });
    const odd = (document: Json): Buffer => {
      const text = toText(changed(random, structuredClone(document)));
      const answer = oddAnswer(random, random.chance(0.8) ? text : broken(random, text));
      note(answer);
      return answer;
    };
    const discovery = { issuer: server.url, jwks_uri: `${server.url}/keys` };
    server.answer = (request) => {
      if (request.includes(DISCOVERY)) return isDiscovery ? odd(discovery) : good(discovery);
      return isDiscovery ? good(this.keys) : odd(this.keys);
    };
    const verifier = new IdTokenVerifier({ issuers: [server.url], audience: 'dte', limits });
    await verifier.verify(this.token).catch((thrown: unknown) => expectForeseen(thrown, CODES));
  }

  async close(): Promise<void> {
    await Promise.all([this.gitlab.close(), this.server.close()]);
  }
}

/** Discovery documents and key sets of an issuer that answers nonsense. */
export const issuers: Target = {
  name: 'issuers',
  share: 20,
  caseMs: 60_000,
  open: (): Promise<Running> => Issuers.open(),
};
