/** Its value is a token with the role `viewer`; its paths name the session. */
const COOKIE = 'dte_viewer';

/** The value of a cookie; undefined if there is none, or something that is none of ours. */
export function cookieOf(cookies: string | undefined, wanted: string): string | undefined {
  for (const each of cookies?.split(';') ?? []) {
    const [name, value] = each.trim().split('=', 2);
    if (name === wanted && value !== undefined && /^[A-Za-z0-9_.~-]{1,1024}$/.test(value)) return value;
  }
  return undefined;
}

/** The token of a browser. */
export const viewerTokenOf = (cookies: string | undefined): string | undefined => cookieOf(cookies, COOKIE);

/**
 * Gives a browser the token of one session. `Lax` for the page, which people open from GitLab; everything that the page loads comes
 * from the page itself.
 */
export function viewerCookies(
  token: string,
  { sessionId, maxAgeMs, secure }: { sessionId: string; maxAgeMs: number; secure: boolean },
): string[] {
  const seconds = Math.max(0, Math.floor(maxAgeMs / 1_000));
  const rest = `Max-Age=${seconds}; HttpOnly${secure ? '; Secure' : ''}`;
  return [
    `${COOKIE}=${token}; Path=/ui/${sessionId}; SameSite=Lax; ${rest}`,
    `${COOKIE}=${token}; Path=/v1/sessions/${sessionId}; SameSite=Strict; ${rest}`,
  ];
}
