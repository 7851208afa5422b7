import type { ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { sessionIdOf } from '@org/dte-identity';
import {
  decode,
  DteError,
  HTTP,
  LIMITS,
  type LimitValues,
  runIdSchema,
  taskIdSchema,
} from '@org/dte-protocol';
import { forwardedEventsSchema } from '@org/dte-report';
import type { FastifyReply } from 'fastify';
import { unauthorized } from '../auth/token';
import type { Meter } from '../metrics/meter';
import { Readers } from '../report/readers';
import { ReportText } from '../report/report-text';
import type { ReportNow } from '../report/report-json';
import { SessionReport } from '../report/session-report';
import { StoredReports, type StoredText } from './stored-reports';
import type { SessionRegistry } from '../session/registry';
import { readBody } from './body';
import type { Call, Endpoint } from './endpoint';
import { EventStream } from './event-stream';
import { checked, takes } from './path-ids';
import { OutputStream } from './output-stream';

const ID = ':id';
/** Who may look at a report: not the agents, which have no use for it. */
const LOOKERS = ['main', 'observer', 'viewer'] as const;

/** The report of a session while it runs, and as long as the session is kept. */
export function reportEndpoints(
  registry: SessionRegistry,
  limits: LimitValues,
  now: () => number,
  meter: Meter | null,
): Endpoint[] {
  const reports = new ReportHandlers(registry, limits, now, meter);
  const { sessionModel, sessionEvents, sessionOutput, reportEvents } = HTTP;
  return [
    { method: 'POST', path: reportEvents, roles: ['main'], handle: (call) => reports.take(call) },
    { method: 'GET', path: sessionModel(ID), roles: LOOKERS, handle: (call) => reports.model(call) },
    { method: 'GET', path: sessionEvents(ID), roles: LOOKERS, handle: (call) => reports.events(call) },
    { method: 'GET', path: sessionOutput(ID), roles: LOOKERS, handle: (call) => reports.output(call) },
  ];
}

const noReport = (sessionId: string): DteError =>
  new DteError(
    'DTE_NO_REPORT',
    `There is no live report of session ${sessionIdOf(sessionId)}: only a standalone coordinator keeps one.`,
  );

class ReportHandlers {
  private readonly texts = new ReportText();
  private readonly stored: StoredReports;
  private readonly readers: Readers;

  constructor(
    private readonly registry: SessionRegistry,
    limits: LimitValues,
    private readonly now: () => number,
    private readonly meter: Meter | null,
  ) {
    this.readers = new Readers(limits);
    this.stored = new StoredReports(registry);
  }

  async take(call: Call): Promise<object> {
    const { sessionId } = call.claims;
    const bytes = LIMITS.forwardedEventsBytes.value;
    const body = await readBody(call.request.raw, bytes, 'The events (limit forwardedEventsBytes)');
    const told = decode(forwardedEventsSchema, body.toString('utf8'), bytes);
    this.meter?.told(told.events);
    const session = await this.registry.find(sessionId);
    // Without a report, there is nobody to tell: that is no error of the main job.
    session?.report?.take(told, this.now());
    return {};
  }

  async model(call: Call): Promise<FastifyReply> {
    const report = await this.reportOf(ownSession(call));
    const zipped = report instanceof SessionReport ? await this.texts.of(report) : report.zipped;
    const reply = call.reply.type('application/json').headers(PRIVATE);
    if (takes(call, 'gzip')) return reply.header('content-encoding', 'gzip').send(zipped);
    return reply.send(await promisify(gunzip)(zipped));
  }

  async events(call: Call): Promise<FastifyReply> {
    const sessionId = ownSession(call);
    const after = afterOf(call);
    const report = await this.reportOf(sessionId);
    if (!(report instanceof SessionReport)) {
      // Whoever reads gives up after this answer, and asks again after any other.
      if (after === report.seq) return call.reply.code(204).headers(PRIVATE).send();
      return call.reply.type('text/event-stream').headers(PRIVATE).send('event: resume\ndata: []\n\n');
    }
    return this.stream(call, sessionId, (response, onClosed) => {
      new EventStream(report, response, after, onClosed);
    });
  }

  async output(call: Call): Promise<FastifyReply> {
    const sessionId = ownSession(call);
    const runId = checked(runIdSchema, queryOf(call, 'run'), 'run id');
    const taskId = checked(taskIdSchema, queryOf(call, 'task'), 'task id');
    const report = this.openReport(sessionId);
    await report?.catchUp();
    const output = report !== null && mayPrint(report.now, runId, taskId) ? report.output : null;
    return this.stream(call, sessionId, (response, onClosed) => {
      new OutputStream({ output, runId, taskId }, response, onClosed);
    });
  }

  private stream(
    { request, reply }: Call,
    sessionId: string,
    begin: (response: ServerResponse, onClosed: () => void) => void,
  ): FastifyReply {
    const leave = this.readers.enter(sessionId);
    if (request.raw.socket.destroyed) {
      leave();
      return reply;
    }
    reply.hijack();
    begin(reply.raw, leave);
    return reply;
  }

  private openReport(sessionId: string): SessionReport | null {
    return this.registry.current().find(({ id }) => id === sessionId)?.report ?? null;
  }

  /** Reads the stored report of a session that is not in memory: looking at it must not bring it back there. */
  private async reportOf(sessionId: string): Promise<SessionReport | StoredText> {
    const report =
      this.openReport(sessionId) ??
      (await this.stored.of(sessionId)) ??
      (await this.registry.find(sessionId))?.report ??
      null;
    if (report === null) throw noReport(sessionId);
    return report;
  }
}

function mayPrint({ model }: ReportNow, runId: string, taskId: string): boolean {
  const run = model.runs.find((each) => each.runId === runId);
  const task = run?.tasks.find(({ id }) => id === taskId);
  return task?.status === 'waiting' || task?.status === 'running';
}

const PRIVATE = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };

/** The path names the session; the token decides. */
function ownSession({ claims: { sessionId }, param }: Call): string {
  const asked = param('id');
  if (asked === sessionId || asked === sessionIdOf(sessionId)) return sessionId;
  throw unauthorized(`The token of this request is for session ${sessionIdOf(sessionId)} only.`);
}

function queryOf({ request }: Call, name: string): string {
  const value: unknown = Reflect.get(Object(request.query), name);
  return typeof value === 'string' ? value : '';
}

/** A browser that reconnects says what it has received last; the address still has the number of its first request. */
function afterOf(call: Call): number {
  const last = call.request.headers['last-event-id'];
  const text = typeof last === 'string' && last !== '' ? last : queryOf(call, 'after');
  if (/^[0-9]{1,15}$/.test(text)) return Number(text);
  throw new DteError('DTE_INVALID_ID', 'The number of the last known event is missing (?after=<seq>).');
}
