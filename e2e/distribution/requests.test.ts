import { existsSync, readFileSync } from 'node:fs';
import { type Fleet, Pipeline, sampleCommand, type SampleProject, waitFor } from '@org/dte-testing';
import { expectExit } from '../support/expect-exit';
import { ranOn } from '../support/log';
import { sampleFleet } from '../support/sample-fleet';

const built = (name: string): string => `dist/libs/${name}/out.txt`;

const project = (name: string, needs: string[] = []): SampleProject => ({
  root: `libs/${name}`,
  dependsOn: needs,
  targets: {
    build: {
      command: sampleCommand(`${name}:build`, { needs: needs.map(built).join(','), writes: built(name) }),
    },
  },
});

const PROJECTS = { core: project('core'), near: project('near', ['core']), far: project('far', ['core']) };

const YAML = `assignment-rules:
  - projects: [core, near]
    targets: [build]
    run-on: [{ agent: first }]
  - projects: [far]
    targets: [build]
    run-on: [{ agent: second }]
`;

/**
 * Loaded into the processes of the main job, its coordinator among them, which writes down what it is asked: also by Nx's native
 * code, which no hook in an agent would see. Answers to the caller of each request from its token.
 */
const RECORDER = `
const { appendFileSync } = require('node:fs');
require('node:diagnostics_channel').subscribe('http.server.request.start', ({ request: { method, url, headers } }) => {
  const [claims] = (headers.authorization || '').replace('Bearer ', '').split('.');
  if (claims === '') return;
  const [, role, client] = JSON.parse(Buffer.from(claims, 'base64url').toString());
  appendFileSync(process.env.REQUESTS, JSON.stringify({ role, client, what: method + ' ' + url }) + '\\n');
});
`;

interface Recorded {
  readonly role: string;
  readonly client: string;
  readonly what: string;
}

describe('what agents ask of their coordinator for cold tasks', () => {
  let fleet: Fleet;
  let pipeline: Pipeline;
  let file: string;

  beforeAll(async () => {
    fleet = sampleFleet({ projects: PROJECTS });
    const main = fleet.machine('main');
    main.write('.nx/dte.yaml', YAML);
    main.write('.nx/recorder.cjs', RECORDER);
    file = main.path('.nx/requests.jsonl');
    pipeline = new Pipeline(fleet, main);
    const env = { NODE_OPTIONS: `--require=${main.path('.nx/recorder.cjs')}`, REQUESTS: file };
    await pipeline.startCiRun([], { env });
    pipeline.startAgent('agent-1', { args: ['--labels=first', '--slots=1'] });
    pipeline.startAgent('agent-2', { args: ['--labels=second', '--slots=1'] });
    await waitFor('both agents', async () => {
      const { output } = await pipeline.dte(['status']);
      return (output.match(/connected/g) ?? []).length === 2;
    });
  });

  afterAll(async () => {
    await pipeline.complete();
    expect(await fleet.close()).toEqual([]);
  });

  it('is one upload of each result, and one download of what another agent has made', async () => {
    const exit = await pipeline.nx(['run-many', '-t', 'build', '-p', 'core,near,far']);

    expectExit(exit, 0, pipeline);
    const ran = ranOn(fleet.journal());
    expect(ran).toEqual({ 'core:build': ['agent-1'], 'near:build': ['agent-1'], 'far:build': ['agent-2'] });
    const requests = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
    const asked = requests
      .map((line) => JSON.parse(line) as Recorded)
      .filter(({ role }) => role === 'agent')
      .map(({ client, what }) => ({ client, what: what.replace(/\/runs\/[^/]+/, '/runs/RUN') }));
    // The first result is that of core: all others need it.
    const first = asked.find(({ what }) => what.startsWith('PUT /v1/cache/'));
    const core = first?.what.split('/').at(-1) ?? 'no upload';
    const of = (isFirst: boolean): string[] =>
      asked
        .filter(({ client }) => (client === first?.client) === isFirst)
        .map(({ what }) => what.replace(core, 'CORE').replace(/cache\/[0-9]+$/, 'cache/OWN'))
        .sort();
    // No question about a hash that nobody can have, and none about what the agent has made itself.
    const once = ['GET /v1/runs/RUN', 'GET /v1/runs/RUN/env'];
    expect(of(true)).toEqual([...once, 'PUT /v1/cache/CORE', 'PUT /v1/cache/OWN']);
    expect(of(false)).toEqual(['GET /v1/cache/CORE', ...once, 'PUT /v1/cache/OWN']);
  });
});
