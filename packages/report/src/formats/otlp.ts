import type { Measured } from '@org/dte-protocol';
import { at } from '../model/at';
import type { AttemptModel, RunModel, SessionModel, TaskModel } from '../model/model';

/** Who the trace is from, and what it belongs to. Ids are lower-case hexadecimal. */
export interface TraceContext {
  readonly serviceName: string;
  /** Digest of a text, as hexadecimal with at least 32 characters: equal texts have equal ids in all commands of a pipeline. */
  readonly digest: (text: string) => string;
  /** The span of somebody else that the pipeline is part of (TRACEPARENT); null: it is a trace of its own. */
  readonly parent: { readonly traceId: string; readonly spanId: string } | null;
}

type Value = string | number | boolean | null;

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly object[];
  readonly status: { readonly code: number; readonly message?: string };
}

/** Numbers of the format: the kind SPAN_KIND_INTERNAL, and the statuses. */
const [INTERNAL, UNSET, OK, ERROR] = [1, 0, 1, 2];
/** Lengths of ids in the format, in characters. */
const [TRACE_ID_CHARS, SPAN_ID_CHARS] = [32, 16];

/** Its JSON has 64-bit numbers as text. */
const nanos = (ms: number): string => `${Math.max(0, Math.round(ms))}000000`;

function attributesOf(values: Readonly<Record<string, Value>>): object[] {
  return Object.entries(values).flatMap(([key, value]) =>
    value === null ? [] : [{ key, value: anyValue(value) }],
  );
}

function anyValue(value: NonNullable<Value>): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

/** Spans of one request: less than 4 MB, where collectors take 20 MB. A part of that fact, not a limit. */
const SPANS_OF_REQUEST = 8_000;

/**
 * One command of a session as requests of OTLP/HTTP in JSON (`POST /v1/traces`): the pipeline, the command, its tasks, their
 * attempts and the phases of these. Sent after each command: the pipeline's span has the same id each time, and ends later.
 * Format: "OpenTelemetry Protocol Specification", and the JSON mapping of opentelemetry-proto.
 */
export function otlpOf(model: SessionModel, run: RunModel, context: TraceContext): string[] {
  const spans = new Spans(model, context).of(run);
  const requests: string[] = [];
  for (let first = 0; first < spans.length; first += SPANS_OF_REQUEST)
    requests.push(requestOf(model, context, spans.slice(first, first + SPANS_OF_REQUEST)));
  return requests;
}

function requestOf(model: SessionModel, { serviceName }: TraceContext, spans: readonly Span[]): string {
  return JSON.stringify({
    resourceSpans: [
      {
        resource: {
          attributes: attributesOf({
            'service.name': serviceName,
            'cicd.pipeline.run.id': model.sessionId,
            'cicd.pipeline.run.url.full': model.pipeline?.url ?? null,
            'vcs.ref.head.name': model.pipeline?.ref ?? null,
            'vcs.ref.head.revision': model.pipeline?.commit ?? null,
          }),
        },
        scopeSpans: [{ scope: { name: '@org/dte' }, spans }],
      },
    ],
  });
}

class Spans {
  private readonly spans: Span[] = [];
  private readonly traceId: string;

  constructor(
    private readonly model: SessionModel,
    private readonly context: TraceContext,
  ) {
    const own = context.digest(`trace ${model.sessionId}`).slice(0, TRACE_ID_CHARS);
    this.traceId = context.parent?.traceId ?? own;
  }

  of(run: RunModel): readonly Span[] {
    const root = this.addPipeline();
    const id = this.add(root, run.runId, {
      name: run.command,
      startMs: run.startMs,
      endMs: endOf(run),
      status: statusOf(run.ok),
      attributes: { 'dte.run.id': run.runId, 'dte.tasks': run.tasks.length, 'dte.parallel': run.parallel },
    });
    for (const task of run.tasks) this.addTask(id, run, task);
    return this.spans;
  }

  private addPipeline(): string {
    const { runs, sessionId } = this.model;
    const first = Math.min(...runs.map(({ startMs }) => startMs));
    const failed = runs.some(({ ok }) => ok === false);
    return this.add(this.context.parent?.spanId ?? null, 'pipeline', {
      name: `pipeline ${sessionId}`,
      startMs: first,
      endMs: Math.max(...runs.map(endOf)),
      status: { code: failed ? ERROR : UNSET },
      attributes: { 'cicd.pipeline.run.id': sessionId, 'dte.agents': this.model.agents.length },
    });
  }

  private addTask(parent: string, run: RunModel, task: TaskModel): void {
    const { id, status, from, miss, code, hash, flaky } = task;
    // Of a task that never ran, there is nothing to show.
    if (task.doneMs === null && task.attempts.length === 0) return;
    const startMs = Math.min(...task.attempts.map(startOfAttempt), task.doneMs ?? Infinity);
    const span = this.add(parent, `${run.runId} ${id}`, {
      name: id,
      startMs,
      endMs: Math.max(startMs, task.doneMs ?? endOf(run)),
      status: statusOf(
        status === 'success' ? true : status === 'failure' ? false : null,
        task.reason?.message,
      ),
      attributes: {
        'dte.task.id': id,
        'dte.task.status': status,
        'dte.task.hash': hash,
        'dte.task.exit_code': code,
        'dte.task.flaky': flaky,
        'dte.task.cache': from ?? (task.cacheable ? 'miss' : 'none'),
        'dte.task.miss': miss?.text ?? null,
      },
    });
    for (const attempt of task.attempts) this.addAttempt(span, `${run.runId} ${id}`, attempt, endOf(run));
  }

  private addAttempt(parent: string, key: string, attempt: AttemptModel, runEndMs: number): void {
    const { number, outcome, code, reason, measured } = attempt;
    const startMs = startOfAttempt(attempt);
    const endMs = Math.max(startMs, attempt.endMs ?? runEndMs);
    const id = this.add(parent, `${key} ${number}`, {
      name: `attempt ${number}`,
      startMs,
      endMs,
      status: statusOf(outcome === 'success' ? true : outcome === 'running' ? null : false, reason?.message),
      attributes: {
        'dte.agent': attempt.agent === null ? 'main job' : at(this.model.agents, attempt.agent).name,
        'dte.attempt.outcome': outcome,
        'dte.attempt.exit_code': code,
        'dte.attempt.reason': reason?.code ?? null,
        'dte.attempt.cpu_ms': measured?.cpuMs ?? null,
        'dte.attempt.peak_memory_bytes': measured?.peakMemoryBytes ?? null,
        'dte.attempt.restored_bytes': measured?.restoredBytes ?? null,
        'dte.attempt.stored_bytes': measured?.storedBytes ?? null,
      },
    });
    if (measured !== null) this.addPhases(id, `${key} ${number}`, { startMs, endMs, measured });
  }

  /** One after the other; their sum may be a little more or less than the attempt, and none leaves it. */
  private addPhases(parent: string, key: string, { startMs, endMs, measured }: Phases): void {
    const { queuedMs, restoreMs, runMs, storeMs } = measured;
    let fromMs = startMs;
    for (const [name, ms] of Object.entries({
      queued: queuedMs,
      restore: restoreMs,
      run: runMs,
      store: storeMs,
    })) {
      if (ms === 0) continue;
      const untilMs = Math.min(endMs, fromMs + ms);
      this.add(parent, `${key} ${name}`, {
        name,
        startMs: fromMs,
        endMs: untilMs,
        status: { code: UNSET },
        attributes: {},
      });
      fromMs = untilMs;
    }
  }

  private add(parent: string | null, key: string, span: Described): string {
    const spanId = this.context.digest(`span ${this.model.sessionId} ${key}`).slice(0, SPAN_ID_CHARS);
    this.spans.push({
      traceId: this.traceId,
      spanId,
      ...(parent === null ? {} : { parentSpanId: parent }),
      name: span.name,
      kind: INTERNAL,
      startTimeUnixNano: nanos(span.startMs),
      endTimeUnixNano: nanos(span.endMs),
      attributes: attributesOf(span.attributes),
      status: span.status,
    });
    return spanId;
  }
}

interface Described {
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly status: Span['status'];
  readonly attributes: Readonly<Record<string, Value>>;
}

interface Phases {
  readonly startMs: number;
  readonly endMs: number;
  readonly measured: Measured;
}

const startOfAttempt = ({ assignedMs, startMs }: AttemptModel): number =>
  Math.min(assignedMs, startMs ?? assignedMs);

/** Of a command that was stopped, the last thing that is known. */
const endOf = ({ startMs, endMs, tasks }: RunModel): number =>
  endMs ?? Math.max(startMs, ...tasks.map(({ doneMs }) => doneMs ?? startMs));

/** @param ok null: neither */
function statusOf(ok: boolean | null, message?: string): Span['status'] {
  if (ok === null) return { code: UNSET };
  return ok ? { code: OK } : { code: ERROR, ...(message === undefined ? {} : { message }) };
}
