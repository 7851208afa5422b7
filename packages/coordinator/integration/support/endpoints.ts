import { HTTP } from '@org/dte-protocol';
import { runSpec, taskSpec } from '@org/dte-testing';

/** As in pipelines.ts, which has more of it. */
const SESSION = '42-1001';
const settings = { stopAgentsAfter: [], stopAgentsOnFailure: false, requireExplicitCompletion: true };
const record = { command: 'nx format', exitCode: 0, startMs: 1, endMs: 2, output: '' };
/**
 * The content that a session needs for the expected answers: this run, `held` in its cache, and this attempt. An agent
 * must have been assigned the task (`agent.wanted`).
 */
export const RUN = runSpec('r1', [taskSpec('app:build', [], { hash: 'held' })]);
export const ATTEMPT = HTTP.attempt('r1', 'app:build', 1);

type Endpoint = [
  method: string,
  path: string,
  body: string | null,
  answers: Record<'agent' | 'main' | 'observer' | 'viewer' | 'other', number>,
];

const events = { sentAtMs: 1, events: [{ type: 'run.ended', atMs: 1, runId: 'r1', ok: true }] };
/** The report of the session; for another session of this number, in another instance, it is that one's. */
const report = (path: string): Endpoint => [
  'GET',
  path,
  null,
  { agent: 403, main: 200, observer: 200, viewer: 200, other: 401 },
];

const direct = JSON.stringify({ bytes: 1, sha256: Buffer.alloc(32).toString('base64') });

/** Every endpoint (a spec compares with the protocol's list) and its answer to each role; 'other': main job of another session. */
export const ENDPOINTS: Endpoint[] = [
  ['GET', HTTP.health, null, { agent: 200, main: 200, observer: 200, viewer: 200, other: 200 }],
  ['GET', HTTP.ready, null, { agent: 200, main: 200, observer: 200, viewer: 200, other: 200 }],
  ['GET', HTTP.cache('held'), null, { agent: 200, main: 200, observer: 403, viewer: 403, other: 404 }],
  ['PUT', HTTP.cache('held'), 'x', { agent: 409, main: 409, observer: 403, viewer: 403, other: 200 }],
  ['GET', HTTP.terminal('held'), null, { agent: 200, main: 200, observer: 403, viewer: 403, other: 404 }],
  ['PUT', HTTP.terminal('held'), 'x', { agent: 409, main: 409, observer: 403, viewer: 403, other: 200 }],
  [
    'POST',
    HTTP.cacheQuestion,
    '{"hashes":["held"]}',
    { agent: 200, main: 200, observer: 403, viewer: 403, other: 200 },
  ],
  // There is none here: see shared-cache-matrix.spec.ts.
  [
    'POST',
    HTTP.cacheForget,
    '{"pipelineId":"1001"}',
    { agent: 403, main: 400, observer: 403, viewer: 403, other: 400 },
  ],
  ['GET', ATTEMPT, null, { agent: 200, main: 200, observer: 403, viewer: 403, other: 404 }],
  ['PUT', ATTEMPT, 'x', { agent: 409, main: 409, observer: 403, viewer: 403, other: 404 }],
  ...[HTTP.cache('held'), HTTP.terminal('held'), ATTEMPT].map((path): Endpoint => [
    'POST',
    HTTP.check(path),
    '{}',
    { agent: 200, main: 200, observer: 403, viewer: 403, other: 200 },
  ]),
  // There is no bucket here: see direct-uploads.spec.ts.
  [
    'POST',
    HTTP.direct(HTTP.cache('held')),
    direct,
    { agent: 200, main: 200, observer: 403, viewer: 403, other: 200 },
  ],
  [
    'PUT',
    HTTP.direct(HTTP.cache('held')),
    direct,
    { agent: 404, main: 404, observer: 403, viewer: 403, other: 404 },
  ],
  ['GET', HTTP.run('r1'), null, { agent: 200, main: 200, observer: 403, viewer: 403, other: 404 }],
  ['GET', HTTP.runEnv('r1'), null, { agent: 200, main: 403, observer: 403, viewer: 403, other: 403 }],
  [
    'PUT',
    HTTP.runEnv('r1'),
    '{"values":{}}',
    { agent: 403, main: 200, observer: 403, viewer: 403, other: 404 },
  ],
  ['POST', HTTP.runs, JSON.stringify(RUN), { agent: 403, main: 200, observer: 403, viewer: 403, other: 200 }],
  [
    'POST',
    HTTP.sessionSettings,
    JSON.stringify(settings),
    { agent: 403, main: 200, observer: 403, viewer: 403, other: 200 },
  ],
  [
    'POST',
    HTTP.records,
    JSON.stringify(record),
    { agent: 403, main: 200, observer: 403, viewer: 403, other: 200 },
  ],
  ['GET', HTTP.sessionStatus, null, { agent: 403, main: 200, observer: 200, viewer: 403, other: 200 }],
  [
    'POST',
    HTTP.reportEvents,
    JSON.stringify(events),
    { agent: 403, main: 200, observer: 403, viewer: 403, other: 200 },
  ],
  ['POST', HTTP.viewLink, '{}', { agent: 403, main: 200, observer: 403, viewer: 403, other: 200 }],
  report(HTTP.sessionModel(SESSION)),
  report(`${HTTP.sessionEvents(SESSION)}?after=0`),
  report(`${HTTP.sessionOutput(SESSION)}?run=r1&task=lib%3Anone`),
  ['POST', HTTP.sessionComplete, '', { agent: 403, main: 200, observer: 403, viewer: 403, other: 200 }],
];
