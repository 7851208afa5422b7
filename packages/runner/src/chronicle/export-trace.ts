import { boundedRequest } from '@org/dte-identity';
import { otlpOf, type SessionModel, type TraceContext } from '@org/dte-report';
import { createHash } from 'node:crypto';

type Env = Readonly<Record<string, string | undefined>>;

/** How long a collector may take. Not configurable: a command waits for it, and no trace is worth more. */
const EXPORT_MS = 3_000;
/** Bytes of a collector's answer. Not configurable: nobody reads more than its status. */
const MAX_ANSWER_BYTES = 64 * 1024;
/** Of the statuses, the first that does not mean that it was taken. A fact of HTTP. */
const FIRST_REDIRECT = 300;

/** OpenTelemetry takes an empty variable for one that is not set. */
function setIn(env: Env, name: string): string | undefined {
  const value = env[name];
  return value === '' ? undefined : value;
}

/** Where traces are sent: the variables that OpenTelemetry defines. Null if none is set. */
export function traceEndpointOf(env: Env): URL | null {
  if (env['OTEL_SDK_DISABLED'] === 'true') return null;
  const own = setIn(env, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
  const base = setIn(env, 'OTEL_EXPORTER_OTLP_ENDPOINT');
  // The general address is that of all signals, and has the path of the signal appended.
  const text = own ?? (base === undefined ? '' : `${base.replace(/\/+$/, '')}/v1/traces`);
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : null;
}

/** `name=value,name=value`, percent-encoded. What cannot be read is left out: it must not appear in a message. */
export function traceHeadersOf(env: Env): Record<string, string> {
  const text =
    setIn(env, 'OTEL_EXPORTER_OTLP_TRACES_HEADERS') ?? setIn(env, 'OTEL_EXPORTER_OTLP_HEADERS') ?? '';
  const headers: Record<string, string> = {};
  for (const pair of text.split(',')) {
    const at = pair.indexOf('=');
    const [name, value] = [pair.slice(0, at).trim(), decoded(pair.slice(at + 1).trim())];
    if (at > 0 && /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(name) && value !== null)
      headers[name.toLowerCase()] = value;
  }
  return headers;
}

function decoded(text: string): string | null {
  try {
    const value = decodeURIComponent(text);
    return /^[\t\x20-\x7e]*$/.test(value) ? value : null;
  } catch {
    return null;
  }
}

/** W3C Trace Context: `00-<trace id>-<span id>-<flags>`; ids of zeros are none. */
export function traceParentOf({ TRACEPARENT = '' }: Env): TraceContext['parent'] {
  const [, traceId = '', spanId = ''] =
    /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}/.exec(TRACEPARENT) ?? [];
  return /[1-9a-f]/.test(traceId) && /[1-9a-f]/.test(spanId) ? { traceId, spanId } : null;
}

export interface ExportOptions {
  readonly model: SessionModel;
  /** What all commands of the pipeline have in common, whether or not the model knows it. */
  readonly sessionId: string;
  readonly runId: string;
  readonly env: Env;
  /** CA certificates (PEM) that are trusted in addition to the usual ones. */
  readonly authorities: readonly string[];
}

/**
 * Sends a command to a collector of OpenTelemetry, if one is set.
 * @returns why it could not be sent, without anything of the headers; null if it was, or if there is no collector
 */
export async function exportTrace({
  model,
  sessionId,
  runId,
  env,
  authorities,
}: ExportOptions): Promise<string | null> {
  const url = traceEndpointOf(env);
  const run = model.runs.find((each) => each.runId === runId);
  if (url === null || run === undefined) return null;
  const requests = otlpOf({ ...model, sessionId }, run, {
    serviceName: setIn(env, 'OTEL_SERVICE_NAME') ?? 'dte',
    digest: (text) => createHash('sha256').update(text).digest('hex'),
    parent: traceParentOf(env),
  });
  const collector = { url, headers: traceHeadersOf(env), authorities };
  const untilMs = Date.now() + EXPORT_MS;
  for (const body of requests) {
    const problem = await send(collector, body, Math.max(1, untilMs - Date.now()));
    if (problem !== null) return problem;
  }
  return null;
}

interface Collector {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly authorities: readonly string[];
}

async function send(
  { url, headers, authorities }: Collector,
  body: string,
  timeoutMs: number,
): Promise<string | null> {
  const { host } = url;
  try {
    const answer = await boundedRequest({
      method: 'POST',
      url,
      headers: { ...headers, 'content-type': 'application/json' },
      body,
      ca: authorities,
      timeoutMs,
      maxBytes: MAX_ANSWER_BYTES,
      redirects: 0,
    });
    if ('exceeded' in answer) return answer.exceeded === 'time' ? `${host} did not answer in time` : null;
    return answer.status < FIRST_REDIRECT ? null : `${host} answered with status ${answer.status}`;
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    return `${host} could not be reached${code === undefined ? '' : ` (${code})`}`;
  }
}
