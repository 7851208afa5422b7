import { httpClient } from '@org/dte-client';
import type { DteError, LimitValues } from '@org/dte-protocol';
import type { Session } from './open-session';

/** The session of a command that cannot reach its coordinator, or must not: nothing comes of what it is asked, and nothing waits. */
export function noSession(id: string, why: DteError, limits: LimitValues): Session {
  const refuse = (): never => {
    throw why;
  };
  const nothing = (): void => undefined;
  const http = httpClient({ url: refuse, token: refuse, limits });
  return {
    id,
    commit: null,
    http,
    connection: {
      state: { name: 'closed' },
      onMessage: () => nothing,
      onState: () => nothing,
      send: () => false,
      token: refuse,
      url: refuse,
      httpUrl: refuse,
      close: nothing,
    },
    info: () => null,
    whenOpen: () => Promise.resolve(),
    reports: () => Promise.resolve([]),
    close: () => http.close(),
  };
}
