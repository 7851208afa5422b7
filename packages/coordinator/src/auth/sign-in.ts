import { createHmac, randomBytes } from 'node:crypto';
import { GitlabSignIn, sameText, sessionIdOf, sessionKey } from '@org/dte-identity';
import { DteError, LIMITS, type LimitValues } from '@org/dte-protocol';

/** How people sign in to see reports. */
export interface SignInConfig {
  /** The GitLab instance; one of the issuers of id tokens. */
  readonly issuer: string;
  /** Of the application that is registered in GitLab. */
  readonly clientId: string;
  readonly clientSecret: string;
  /** CA certificates (PEM) that are trusted in addition to the usual ones. */
  readonly authorities?: readonly string[];
}

export interface SignInDeps {
  readonly config: SignInConfig;
  /** The signing key of tokens. */
  readonly key: Buffer;
  /** Where people reach this coordinator. */
  readonly publicUrl: string;
  readonly limits: LimitValues;
  readonly now: () => number;
}

/** Cookie of a browser that is on its way to GitLab and back. */
export const SIGN_IN_COOKIE = 'dte_sign_in';
/** Path to which GitLab sends it back; registered with the application. */
export const CALLBACK_PATH = '/ui/callback';

/**
 * Lets members of a session's project look at its report. Nothing is remembered here of a browser that is on its way: it keeps a
 * signed note itself, so that strangers cannot fill a memory.
 */
export class SignIn {
  private readonly gitlab: GitlabSignIn;

  constructor(private readonly deps: SignInDeps) {
    const { config, publicUrl, limits, now } = deps;
    this.gitlab = new GitlabSignIn({ ...config, redirectUri: `${publicUrl}${CALLBACK_PATH}`, limits, now });
  }

  /**
   * The way there.
   * @throws DteError DTE_SIGN_IN_REFUSED, DTE_ISSUER_UNAVAILABLE
   */
  async begin(sessionId: string): Promise<{ readonly address: string; readonly cookie: string }> {
    this.projectOf(sessionId);
    const state = randomBytes(32).toString('base64url');
    const note = [state, sessionId, this.deps.now() + LIMITS.signInMs.value].join('~');
    const address = await this.gitlab.address(state, this.derived(state));
    return { address, cookie: `${note}~${this.sign(note)}` };
  }

  /**
   * The way back.
   * @returns the session whose report the browser may show, and who looks at it
   * @throws DteError DTE_SIGN_IN_REFUSED, DTE_ISSUER_UNAVAILABLE
   */
  async end(
    answer: { readonly state: string; readonly code: string },
    cookie: string | undefined,
  ): Promise<{ readonly sessionId: string; readonly userId: string }> {
    const [state = '', sessionId = '', until = '', signature = ''] = cookie?.split('~') ?? [];
    const isOurs = sameText(signature, this.sign([state, sessionId, until].join('~')));
    if (!isOurs || !sameText(state, answer.state))
      throw refused('this answer of GitLab does not belong to a sign-in that this browser began here');
    if (!(Number(until) > this.deps.now())) throw refused('it took too long (limit signInMs)');
    const { code } = answer;
    const userId = await this.gitlab.memberOf(this.projectOf(sessionId), { code, ...this.derived(state) });
    return { sessionId, userId };
  }

  /** The project in this GitLab instance; jobs of others may have the same numbers. */
  private projectOf(sessionId: string): string {
    const id = sessionIdOf(sessionId);
    const projectId = /^([0-9]{1,20})-[0-9]/.exec(id)?.[1];
    if (projectId !== undefined && sessionKey(this.deps.config.issuer, id) === sessionId) return projectId;
    throw refused(
      'this session does not belong to a project of the GitLab instance with which people sign in here',
    );
  }

  /** Known to nobody who has not the key, and to the browser not at all. */
  private derived(state: string): { readonly nonce: string; readonly verifier: string } {
    return { nonce: this.mac('nonce', state), verifier: this.mac('verifier', state) };
  }

  private sign(note: string): string {
    return this.mac('note', note);
  }

  private mac(purpose: string, text: string): string {
    return createHmac('sha256', this.deps.key)
      .update(`dte-sign-in-v1\n${purpose}\n${text}`)
      .digest('base64url');
  }
}

const refused = (why: string): DteError =>
  new DteError('DTE_SIGN_IN_REFUSED', `You are not signed in: ${why}.`);
