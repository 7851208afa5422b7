import { isIP, connect as connectPlain, type Socket } from 'node:net';
import { type TLSSocket, connect as connectTls } from 'node:tls';
import { hasPin, OLDEST_TLS } from '@org/dte-identity';
import { type CoordinatorAddress, type LimitValues, DteError } from '@org/dte-protocol';

/** A connected socket; with TLS, the handshake is complete and the key is the pinned one. */
export interface Dialled {
  readonly socket: Socket | TLSSocket;
  /** The address that answered. */
  readonly url: string;
}

type DialLimits = Pick<LimitValues, 'dialMs' | 'dialStaggerMs'>;
/** Where to connect; the generation is irrelevant here. */
export type DialTarget = Pick<CoordinatorAddress, 'urls' | 'pin'>;

/**
 * Connects to the first of the addresses that answers. Tries start one after the other without waiting for the end of
 * the previous one (RFC 8305): an address in another network may drop packets silently.
 * @throws DteError DTE_PIN_MISMATCH if something answered, but never with the pinned key; else DTE_NO_COORDINATOR
 */
export async function dial(target: DialTarget, limits: DialLimits, signal?: AbortSignal): Promise<Dialled> {
  const errors: DteError[] = [];
  const over = new AbortController();
  const stop = () => over.abort();
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted === true) stop();
  let stagger: NodeJS.Timeout | undefined;
  try {
    return await new Promise<Dialled>((resolve, reject) => {
      const waiting = [...target.urls];
      let open = 0;
      const next = (): void => {
        clearTimeout(stagger);
        const url = over.signal.aborted ? undefined : waiting.shift();
        if (url === undefined) {
          if (open === 0) reject(worstOf(errors, target));
          return;
        }
        open++;
        if (waiting.length > 0) stagger = setTimeout(next, limits.dialStaggerMs);
        dialOne(url, target.pin, limits.dialMs, over.signal).then(
          (socket) => {
            if (over.signal.aborted) socket.destroy();
            resolve({ socket, url });
          },
          (thrown: unknown) => {
            open--;
            errors.push(DteError.from(thrown));
            next();
          },
        );
      };
      next();
    });
  } finally {
    signal?.removeEventListener('abort', stop);
    over.abort();
    clearTimeout(stagger);
  }
}

/** The error if no address worked: a wrong key is worse than no answer. */
function worstOf(errors: readonly DteError[], { urls }: DialTarget): DteError {
  const impostor = errors.find(({ code }) => code === 'DTE_PIN_MISMATCH');
  if (impostor !== undefined) return impostor;
  if (errors.length === 1 && errors[0] !== undefined) return errors[0];
  const each = errors.map(({ message }) => message.replace(/^The coordinator at /, '').replace(/\.$/, ''));
  const why = each.length === 0 ? urls.join(', ') : each.join('; ');
  return new DteError('DTE_NO_COORDINATOR', `The coordinator cannot be reached at any address: ${why}.`);
}

/** One try. If it does not resolve, or the signal comes first, nothing of it remains. */
function dialOne(url: string, pin: string | null, timeoutMs: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const { socket, readyEvent } = openSocket(new URL(url), pin !== null);
    const patience = setTimeout(() => fail(`no answer in ${timeoutMs} ms`), timeoutMs);
    const settle = (): void => {
      clearTimeout(patience);
      signal.removeEventListener('abort', onAbort);
      socket.removeListener(readyEvent, onReady).removeListener('error', onError);
    };
    const fail = (why: string, code: 'DTE_NO_COORDINATOR' | 'DTE_PIN_MISMATCH' = 'DTE_NO_COORDINATOR') => {
      settle();
      // A destroyed socket may still emit an error.
      socket.on('error', () => undefined).destroy();
      reject(new DteError(code, `The coordinator at ${url} cannot be reached: ${why}.`));
    };
    const onAbort = () => fail('aborted');
    const onError = (error: Error) => fail(error.message || error.name);
    const onReady = (): void => {
      // Nothing was written yet: the holder of another key learns only that a client connected.
      if (pin !== null && !hasPin(socket, pin)) {
        fail('its TLS key differs from the published one', 'DTE_PIN_MISMATCH');
        return;
      }
      settle();
      // A small request must not wait for the acknowledgement of the previous one.
      resolve(socket.setNoDelay(true));
    };
    socket.once(readyEvent, onReady).once('error', onError);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
}

function openSocket(url: URL, pinned: boolean): { socket: Socket; readyEvent: 'connect' | 'secureConnect' } {
  const secure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  if (!secure) return { socket: connectPlain({ host, port }), readyEvent: 'connect' };
  const socket = connectTls({
    host,
    port,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // The pinned key is the proof: its certificate is self-signed and names no address.
    ...(pinned ? { rejectUnauthorized: false, minVersion: 'TLSv1.3' as const } : { minVersion: OLDEST_TLS }),
  });
  return { socket, readyEvent: 'secureConnect' };
}
