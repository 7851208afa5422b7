import type { Connection, HttpClient } from '@org/dte-client';
import { DteError, type CoordinatorToMain } from '@org/dte-protocol';

export interface ForwardOptions {
  readonly connection: Pick<Connection<CoordinatorToMain>, 'onState'>;
  readonly http: Pick<HttpClient, 'putRunEnv'>;
  readonly runId: string;
  /** Names of the option forwardEnv, and of what hooks of plugins have set. */
  readonly names: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly onTrouble: (error: DteError) => void;
}

/**
 * Tells the coordinator the values of forwarded variables, and tells it again whenever the connection opens again: it keeps
 * them in memory, and may have been restarted.
 * @returns what ends it
 * @throws DteError when they cannot be told the first time
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
