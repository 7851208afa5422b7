import { DteError } from '@org/dte-protocol';
import { type Connection, type ConnectionState } from './connection';

/**
 * Waits until a connection is open.
 * @throws DteError the rejection if it failed, DTE_NO_COORDINATOR after `timeoutMs` or if it was closed before
 */
export function waitOpen(connection: Connection<unknown>, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let lastError: DteError | null = null;
    const settle = (outcome: () => void): void => {
      clearTimeout(timer);
      remove();
      outcome();
    };
    const look = (state: ConnectionState): void => {
      if (state.name === 'open') settle(resolve);
      else if (state.name === 'failed') settle(() => reject(state.error));
      else if (state.name === 'closed') {
        settle(() =>
          reject(new DteError('DTE_NO_COORDINATOR', 'The connection was closed before it was open.')),
        );
      } else lastError = state.lastError ?? lastError;
    };
    const timer = setTimeout(() => {
      const why = lastError === null ? '' : ` ${lastError.message}`;
      settle(() =>
        reject(new DteError('DTE_NO_COORDINATOR', `No coordinator was reached in ${timeoutMs} ms.${why}`)),
      );
    }, timeoutMs);
    const remove = connection.onState(look);
    look(connection.state);
  });
}
