import { isIP, connect as connectPlain, type Socket } from 'node:net';
import { type TLSSocket, connect as connectTls } from 'node:tls';
import { authorities, connectThrough, hasPin, OLDEST_TLS, proxyFor } from '@org/dte-identity';
import { type CoordinatorAddress, type LimitValues, DteError } from '@org/dte-protocol';

/** A connected socket; with TLS, the handshake is complete and the key is the pinned one. */
export interface Dialled {
  readonly socket: Socket | TLSSocket;
  /** The address that answered. */
  readonly url: string;
}

type DialLimits = Pick<LimitValues, 'dialMs' | 'dialStaggerMs'>;
/** Where to connect; the generation is irrelevant here. */
export interface DialTarget extends Pick<CoordinatorAddress, 'urls' | 'pin'> {
  /** CA certificates (PEM) that are trusted in addition to the usual ones, where no key is pinned. */
  readonly authorities?: readonly string[] | undefined;
}

/**
 * How an address is reached. A pinned coordinator is a process of another job, at an address that only the network of the
 * jobs has: the proxies of the environment do not know it. The address of a service goes through them like any other.
 */
export const proxyOf = (url: string, pin: string | null): ReturnType<typeof proxyFor> =>
  pin === null ? proxyFor(new URL(url)) : null;

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
        dialOne(url, target, limits.dialMs, over.signal).then(
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
async function dialOne(
  url: string,
  target: DialTarget,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Socket> {
  const proxy = proxyOf(url, target.pin);
  if (proxy === null)
    return whenReady(openSocket(new URL(url), target, null), { url, target, timeoutMs, signal });
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const through = await connectThrough({ proxy, target: new URL(url), signal: inTime, ...trusted(target) });
    if (inTime.aborted) through.destroy();
    return await whenReady(openSocket(new URL(url), target, through), { url, target, timeoutMs, signal });
  } catch (thrown) {
    if (thrown instanceof DteError) throw thrown;
    const late = inTime.aborted && !signal.aborted;
    const why = late ? `no answer in ${timeoutMs} ms (from the proxy ${proxy.name})` : messageOf(thrown);
    throw new DteError('DTE_NO_COORDINATOR', `The coordinator at ${url} cannot be reached: ${why}.`, {
      cause: thrown,
    });
  }
}

const messageOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));

const trusted = ({ authorities: extra = [] }: DialTarget): ReturnType<typeof authorities> =>
  authorities(extra);

interface Opening {
  readonly socket: Socket;
  /** Null: it is ready. */
  readonly readyEvent: 'connect' | 'secureConnect' | null;
}

interface Try {
  readonly url: string;
  readonly target: DialTarget;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

function whenReady({ socket, readyEvent }: Opening, one: Try): Promise<Socket> {
  const { url, timeoutMs, signal } = one;
  const { pin } = one.target;
  return new Promise((resolve, reject) => {
    const patience = setTimeout(() => fail(`no answer in ${timeoutMs} ms`), timeoutMs);
    const settle = (): void => {
      clearTimeout(patience);
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('error', onError);
      if (readyEvent !== null) socket.removeListener(readyEvent, onReady);
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
    socket.once('error', onError);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else if (readyEvent === null) onReady();
    else socket.once(readyEvent, onReady);
  });
}

/** @param through a connection to the address through a proxy; null: a new one */
function openSocket(url: URL, target: DialTarget, through: Socket | null): Opening {
  const secure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (secure ? 443 : 80) : Number(url.port);
  if (!secure) {
    if (through !== null) return { socket: through, readyEvent: null };
    return { socket: connectPlain({ host, port }), readyEvent: 'connect' };
  }
  const socket = connectTls({
    ...(through === null ? { host, port } : { host, socket: through }),
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // The pinned key is the proof: its certificate is self-signed and names no address.
    ...(target.pin === null
      ? { minVersion: OLDEST_TLS, ...trusted(target) }
      : { rejectUnauthorized: false, minVersion: 'TLSv1.3' as const }),
  });
  return { socket, readyEvent: 'secureConnect' };
}
