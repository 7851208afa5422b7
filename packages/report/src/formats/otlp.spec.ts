import { z } from 'zod';
import { foldEvents } from '../model/fold';
import { at } from '../model/at';
import { agent, planned, Story, T0 } from '../test-support/events';
import { otlpOf, type TraceContext } from './otlp';

/** Shapes of the JSON mapping in opentelemetry-proto: ids as hexadecimal, 64-bit numbers as text, enums as numbers. */
const nanosSchema = z.string().regex(/^[0-9]{1,20}$/);
const valueSchema = z.union([
  z.strictObject({ stringValue: z.string() }),
  z.strictObject({ boolValue: z.boolean() }),
  z.strictObject({ intValue: z.string().regex(/^-?[0-9]+$/) }),
  z.strictObject({ doubleValue: z.number() }),
]);
const attributesSchema = z.array(z.strictObject({ key: z.string().min(1), value: valueSchema }));
const spanSchema = z.strictObject({
  traceId: z.string().regex(/^[0-9a-f]{32}$/),
  spanId: z.string().regex(/^[0-9a-f]{16}$/),
  parentSpanId: z
    .string()
    .regex(/^[0-9a-f]{16}$/)
    .optional(),
  name: z.string().min(1),
  kind: z.int().min(0).max(5),
  startTimeUnixNano: nanosSchema,
  endTimeUnixNano: nanosSchema,
  attributes: attributesSchema,
  status: z.strictObject({ code: z.int().min(0).max(2), message: z.string().optional() }),
});
const requestSchema = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes: attributesSchema }),
      scopeSpans: z.array(
        z.strictObject({ scope: z.strictObject({ name: z.string() }), spans: z.array(spanSchema) }),
      ),
    }),
  ),
});

/** Not a good digest, but one that differs for these texts. */
function digest(text: string): string {
  let hash = 7n;
  for (const character of text) hash = (hash * 1_000_003n + BigInt(character.charCodeAt(0))) % (1n << 128n);
  return hash.toString(16).padStart(32, '1');
}

const context: TraceContext = { serviceName: 'dte', digest, parent: null };

function story(): Story {
  const story = new Story()
    .agents(0, agent('one'))
    .run(1, [planned('lib:build'), planned('app:build', ['lib:build'])]);
  story.attempt('lib:build', 'one', [2, 5]).ended('lib:build', 5);
  return story
    .attempt('app:build', 'one', [5, 9], { status: 'failure' })
    .ended('app:build', 9, { status: 'failure' });
}

function spansOf(given: Story, change: Partial<TraceContext> = {}) {
  const model = foldEvents(given.events);
  model.sessionId = '42-1001';
  const requests = otlpOf(model, at(model.runs, 0), { ...context, ...change });
  return requests.flatMap((text) =>
    requestSchema
      .parse(JSON.parse(text))
      .resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
  );
}

const ns = (second: number): string => `${T0 + second * 1000}000000`;

describe('a command as spans of OpenTelemetry', () => {
  it('is one trace: the pipeline, the command, tasks and attempts, each within its parent', () => {
    const spans = spansOf(story().over(10, false));
    const byId = new Map(spans.map((span) => [span.spanId, span]));
    expect(byId.size).toBe(spans.length);
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    const path = (span: (typeof spans)[number]): string[] => {
      const parent = byId.get(span.parentSpanId ?? '');
      return [...(parent === undefined ? [] : path(parent)), span.name];
    };
    expect(spans.map((span) => path(span).join(' > '))).toEqual([
      'pipeline 42-1001',
      'pipeline 42-1001 > nx affected -t build,test',
      'pipeline 42-1001 > nx affected -t build,test > lib:build',
      'pipeline 42-1001 > nx affected -t build,test > lib:build > attempt 1',
      'pipeline 42-1001 > nx affected -t build,test > app:build',
      'pipeline 42-1001 > nx affected -t build,test > app:build > attempt 1',
    ]);
    const attempt = spans.find(({ name }) => name === 'attempt 1');
    expect(attempt).toMatchObject({ startTimeUnixNano: ns(2), endTimeUnixNano: ns(5), status: { code: 1 } });
    expect(spans.map(({ status }) => status.code)).toEqual([2, 2, 1, 1, 2, 2]);
  });

  it('has the phases that were measured, within their attempt', () => {
    const given = story();
    for (const event of given.events) {
      if (event.type !== 'entry' || event.entry.type !== 'ended' || event.entry.result?.kind !== 'finished')
        continue;
      event.entry.result.measured = {
        queuedMs: 500,
        restoreMs: 1_000,
        runMs: 9_000,
        storeMs: 0,
        cpuMs: 800.5,
        peakMemoryBytes: 1_000,
        restoredBytes: 1,
        storedBytes: 2,
      };
    }
    const spans = spansOf(given.over(10, false));
    const attempt = spans.find(({ name }) => name === 'attempt 1');
    const phases = spans.filter(({ parentSpanId }) => parentSpanId === attempt?.spanId);
    const since = (time: string): number => Number((BigInt(time) - BigInt(ns(2))) / 1_000_000n);
    expect(
      phases.map((each) => [each.name, since(each.startTimeUnixNano), since(each.endTimeUnixNano)]),
    ).toEqual([
      ['queued', 0, 500],
      ['restore', 500, 1_500],
      ['run', 1_500, 3_000],
    ]);
    expect(attempt?.attributes).toContainEqual({ key: 'dte.attempt.cpu_ms', value: { doubleValue: 800.5 } });
  });

  it('has the same ids whenever it is sent, so that commands of several processes join one trace', () => {
    const ids = (spans: ReturnType<typeof spansOf>) => spans.map(({ traceId, spanId }) => [traceId, spanId]);
    expect(ids(spansOf(story().over(10, false)))).toEqual(ids(spansOf(story().over(12, false))));
  });

  it('is part of the trace that the job belongs to', () => {
    const parent = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16) };
    const [pipeline, ...others] = spansOf(story(), { parent });
    expect(pipeline).toMatchObject({ traceId: parent.traceId, parentSpanId: parent.spanId });
    expect(others.every(({ traceId }) => traceId === parent.traceId)).toBe(true);
  });

  it('is several requests if it is large', () => {
    const tasks = Array.from({ length: 9_000 }, (_, index) => planned(`p${index}:build`));
    const given = new Story().run(1, tasks);
    for (const { id } of tasks) given.ended(id, 2, { from: 'remote' });
    const model = foldEvents(given.over(3).events);
    const requests = otlpOf(model, at(model.runs, 0), context);
    expect(requests).toHaveLength(2);
    expect(requests.every((text) => text.length < 20_000_000)).toBe(true);
  });
});
