import type { Connection, HttpClient } from '@org/dte-client';
import { DteError, type CoordinatorToMain } from '@org/dte-protocol';

export interface ForwardOptions {
  readonly connection: Pick<Connection<CoordinatorToMain>, 'onState'>;
  readonly http: Pick<HttpClient, 'putRunEnv'>;
  readonly runId: string;
  /** Names of the option forwardEnv, and of variables that plugin hooks have set. */
  readonly names: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onTrouble: (error: DteError) => void;
}

/**
 * Sends the values of forwarded variables to the coordinator, and again after each reconnect: it keeps them in memory,
 * and may have been restarted.
 * @returns ends it
 * @throws DteError if they cannot be sent the first time
 */
export async function forwardEnv(options: ForwardOptions): Promise<() => void> {
  const { connection, http, runId, names, env, onTrouble } = options;
  if (names.length === 0) return () => undefined;
  const values = Object.fromEntries(
    names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  );
  const say = (): Promise<void> => http.putRunEnv(runId, { values });
  await say();
  return connection.onState(({ name }) => {
    if (name === 'open') say().catch((thrown: unknown) => onTrouble(DteError.from(thrown)));
  });
}
