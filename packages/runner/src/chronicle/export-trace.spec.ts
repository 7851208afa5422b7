import { foldEvents, type SessionModel } from '@org/dte-report';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportTrace, traceEndpointOf, traceHeadersOf, traceParentOf } from './export-trace';

describe('where traces are sent', () => {
  it.each([
    [{}, null],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }, 'http://c:4318/v1/traces'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://c/otlp/' }, 'https://c/otlp/v1/traces'],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://t/x' },
      'http://t/x',
    ],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c', OTEL_SDK_DISABLED: 'true' }, null],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'nowhere' }, null],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'file:///etc/passwd' }, null],
  ])('%j: %s', (env, url) => {
    expect(traceEndpointOf(env)?.href ?? null).toBe(url);
  });

  it('reads headers, percent-encoded, and leaves out what is none', () => {
    const env = {
      OTEL_EXPORTER_OTLP_HEADERS: 'Authorization=Basic%20YWJj=, x-scope = 1,bad name=1,y=%zz,z=%0d%0ax,=1',
    };
    expect(traceHeadersOf(env)).toEqual({ authorization: 'Basic YWJj=', 'x-scope': '1' });
    expect(traceHeadersOf({ ...env, OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'a=b' })).toEqual({ a: 'b' });
  });

  it.each([
    ['', null],
    [`00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) }],
    [`00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`, null],
    [`ff-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, null],
    ['00-short-1-01', null],
  ])('the trace of the job, %s', (TRACEPARENT, parent) => {
    expect(traceParentOf({ TRACEPARENT })).toEqual(parent);
  });
});

describe('a trace', () => {
  let server: Server;
  let got: { path: string; headers: IncomingHttpHeaders; body: unknown }[];
  let status: number;
  beforeEach(async () => {
    got = [];
    status = 200;
    server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        got.push({ path: request.url ?? '', headers: request.headers, body: JSON.parse(text) as unknown });
        response.writeHead(status, { 'content-type': 'application/json' }).end('{"partialSuccess":{}}');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  const model = (): SessionModel =>
    foldEvents([
      { type: 'run', atMs: 1, runId: 'r1', command: 'nx build', parallel: 1, tasks: [] },
      { type: 'run.ended', atMs: 2, runId: 'r1', ok: true },
    ]);
  const SECRET = 'a-secret-value';
  const send = (endpoint: string): Promise<string | null> =>
    exportTrace({
      model: model(),
      sessionId: '42-1001',
      runId: 'r1',
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
        OTEL_EXPORTER_OTLP_HEADERS: `x-token=${SECRET}`,
        OTEL_SERVICE_NAME: 'ci',
      },
      authorities: [],
    });
  const here = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  it('is posted as JSON with the headers, under the name of the service', async () => {
    expect(await send(here())).toBeNull();
    expect(got).toMatchObject([
      { path: '/v1/traces', headers: { 'content-type': 'application/json', 'x-token': SECRET } },
    ]);
    const text = JSON.stringify(got[0]?.body);
    expect(text).toContain('{"key":"service.name","value":{"stringValue":"ci"}}');
    expect(text).toContain('"pipeline 42-1001"');
    expect(text).not.toContain(SECRET);
  });

  it('that a collector refuses, or that reaches none, is a problem without any secret in it', async () => {
    status = 401;
    expect(await send(here())).toMatch(/^127\.0\.0\.1:\d+ answered with status 401$/);
    const closed = here();
    await new Promise((resolve) => server.close(resolve));
    expect(await send(closed)).toMatch(/could not be reached \(ECONN[A-Z]+\)$/);
    server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
});
