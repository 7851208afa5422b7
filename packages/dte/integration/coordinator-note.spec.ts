import { HTTP, type SessionCompletion } from '@org/dte-protocol';
import type { ForwardedEvents, ReportEvent } from '@org/dte-report';
import {
  exampleHello,
  type FakeGitlab,
  httpCall,
  RawClient,
  type RunningProcess,
  startFakeGitlab,
  TEST_COMMIT,
  waitFor,
} from '@org/dte-testing';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CliWorld } from './cli-world';

// A separate process, on two cores that the other tests also use.
jest.setTimeout(120_000);

const OF_3 = 'refs/merge-requests/3/head';

describe('the notes of a standalone coordinator', () => {
  let gitlab: FakeGitlab;
  let world: CliWorld;
  let service: RunningProcess;
  let url: string;
  let token: string;

  async function startService(): Promise<void> {
    const flags = ['--port=0', `--issuers=${gitlab.issuer}`, '--note-token-file=token'];
    service = world.start(['coordinator', ...flags]);
    await service.waitForOutput(/coordinator on http:\S+ /);
    url = /coordinator on (http:\S+) /.exec(service.output())?.[1] ?? '';
  }

  beforeAll(async () => {
    gitlab = await startFakeGitlab({ projects: [{ id: 7 }] });
    token = gitlab.accessToken(7, 'reporter');
    for (const id of [100, 101, 102, 103, 104, 106, 107])
      gitlab.addPipeline({
        id,
        projectId: 7,
        ref: OF_3,
        sha: TEST_COMMIT,
        status: 'running',
        source: 'merge_request_event',
      });
    gitlab.addPipeline({ id: 105, projectId: 7, ref: OF_3, sha: TEST_COMMIT, status: 'running' });
    world = new CliWorld();
    world.write('token', `${token}\n`);
    await startService();
  });
  afterAll(async () => {
    service.signal('SIGTERM');
    await service.end();
    await world.close();
    await gitlab.close();
  });

  const bodies = (): string[] => gitlab.notes().map(({ body }) => body);
  const post = async (path: string, client: RawClient, body: object): Promise<void> => {
    const answer = await httpCall(url, {
      method: 'POST',
      path,
      token: client.token,
      body: JSON.stringify(body),
    });
    expect([path, answer.status]).toEqual([path, 200]);
  };
  const eventsOf = (ok: boolean): ReportEvent[] => {
    const atMs = Date.now();
    const task = { id: 'app:test', project: 'app', target: 'test', configuration: null, dependencies: [] };
    const [code, output] = ok ? [0, null] : [1, '/approve\nthe reason'];
    const status = ok ? 'success' : 'failure';
    return [
      // What a job says of its pipeline has no effect.
      {
        type: 'session',
        atMs,
        sessionId: '8-1',
        pipeline: { url: null, ref: 'refs/merge-requests/9/head', commit: '/approve' },
      },
      {
        type: 'run',
        atMs,
        runId: 'r',
        command: 'nx affected',
        parallel: 1,
        tasks: [{ ...task, hash: null, cacheable: true, expectedMs: null }],
      },
      {
        type: 'ended',
        atMs,
        runId: 'r',
        taskId: 'app:test',
        status,
        code,
        from: null,
        here: true,
        startMs: atMs,
        endMs: atMs,
        output,
      },
      { type: 'run.ended', atMs, runId: 'r', ok },
    ];
  };
  function memberOf(pipeline: number): { sessionId: string; idToken: string } {
    const claims = { project_id: '7', pipeline_id: String(pipeline), job_id: '1', sha: TEST_COMMIT };
    return { sessionId: `7-${pipeline}`, idToken: gitlab.idToken(claims) };
  }
  /** A main job of this pipeline, from its first command to its end. */
  async function run(pipeline: number, ok: boolean, completion: SessionCompletion = {}): Promise<void> {
    const main = await RawClient.hello(
      url,
      exampleHello({ role: 'main', slots: null, ...memberOf(pipeline) }),
    );
    await post(HTTP.reportEvents, main, {
      sentAtMs: Date.now(),
      events: eventsOf(ok),
    } satisfies ForwardedEvents);
    await post(HTTP.sessionComplete, main, completion);
    await main.kill();
  }
  const sessionLog = (pipeline: number): string =>
    service
      .output()
      .split('\n')
      .filter((line) => line.includes(`"7-${pipeline}"`))
      .join('\n');
  /** When a session is over, its note is written or begun. */
  const asked = (pipeline: number): Promise<unknown> =>
    waitFor(`the question for pipeline ${pipeline}`, () =>
      gitlab.requests().some(({ target }) => target.endsWith(`/pipelines/${pipeline}`)),
    );

  it('are written once into the merge request that GitLab names, edited in place, and follow the newest pipeline', async () => {
    await run(101, false);
    await waitFor('the note', () => bodies().length > 0, { lastState: () => service.describe() });
    const [note = ''] = bodies();
    expect(gitlab.notes()).toMatchObject([{ projectId: 7, mergeRequest: 3 }]);
    expect(note).toMatch(/^<!-- dte:main -->\n<!-- dte-pipeline:101 -->\n\n❌ 1 task in /);
    expect(note).toContain('\n /approve\nthe reason\n');
    expect(note).toMatch(/\n\nPipeline 101 · 01234567$/);

    await run(100, true);
    await waitFor('the log', () => sessionLog(100).includes('that of a newer pipeline stays'));
    expect(bodies()).toEqual([note]);

    await run(102, true);
    await waitFor('the change', () => bodies()[0] !== note);
    expect(bodies()[0]).toMatch(/dte-pipeline:102 -->\n\n✅ 1 task in /);
    expect(bodies()).toHaveLength(1);
  });

  it('are left to a main job that writes them, and to nobody for pipelines that only look like one of a merge request', async () => {
    const before = bodies();
    await run(103, false, { writesNote: true });
    await run(105, false);
    await asked(105);
    await run(104, false);
    await waitFor('a later note', () => bodies()[0]?.includes('dte-pipeline:104') === true);
    expect(gitlab.requests().some(({ target }) => target.endsWith('/pipelines/103'))).toBe(false);
    expect(bodies()).toHaveLength(before.length);
  });

  it('are written by the next process if this one is killed before the last agent of a finished session has left', async () => {
    const agent = await RawClient.hello(url, exampleHello(memberOf(107)));
    await run(107, true);
    const folder = await waitFor('the end of the session', () =>
      readdirSync(join(world.root, '.nx/dte'), { recursive: true, withFileTypes: true })
        .filter(({ name, parentPath }) => name === 'finished' && parentPath.endsWith('7-107'))
        .map(({ parentPath }) => parentPath)
        .at(0),
    );
    expect(bodies()[0]).toContain('dte-pipeline:104');
    service.signal('SIGKILL');
    await service.end();
    await agent.kill();
    await startService();
    await waitFor('the note', () => bodies()[0]?.includes('dte-pipeline:107') === true, {
      lastState: () => service.describe(),
    });
    expect(bodies()[0]).toMatch(/-->\n\n✅ 1 task in /);
    await waitFor('the end of the note', () => !readdirSync(folder).includes('note-due'));
    service.signal('SIGKILL');
    await service.end();
    const asked = gitlab.requests().length;
    await startService();
    expect(gitlab.requests().slice(asked)).toEqual([]);
  });

  it('fail with one line of the log; the token is in no file of the coordinator and in none of its lines', async () => {
    world.write('token', 'glpat-of-nobody\n');
    await run(106, true);
    await waitFor('the line', () => sessionLog(106).includes('"level":"warn"'));
    const warned = service
      .output()
      .split('\n')
      .filter((line) => line.includes('"warn"'));
    expect(warned).toHaveLength(1);
    expect(JSON.parse(warned[0] ?? '')).toMatchObject({
      code: 'DTE_GITLAB_API',
      session: '7-106',
      msg: expect.stringContaining('status 401') as string,
    });
    const dataDir = join(world.root, '.nx/dte');
    const files = readdirSync(dataDir, { recursive: true, withFileTypes: true }).filter((each) =>
      each.isFile(),
    );
    const kept = files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1'));
    expect(files.length).toBeGreaterThan(0);
    for (const text of [service.output(), ...kept]) {
      expect(text).not.toContain(token);
      expect(text).not.toContain('glpat-of-nobody');
    }
  });

  it.each([
    ['the file is missing', ['--note-token-file=none', '--issuers=https://g.example'], 'cannot be read'],
    ['nobody verifies which pipeline a session is of', ['--note-token-file=token'], 'Without issuers'],
  ])('cannot be switched on if %s', async (_, flags, message) => {
    const { code, output } = await world.run(['coordinator', '--port=0', '--data-dir=other', ...flags]);
    expect([code, output]).toEqual([1, expect.stringContaining(message)]);
  });
});
