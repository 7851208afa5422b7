import {
  httpCall,
  launchChromium,
  Pipeline,
  sampleCommand,
  type Fleet,
  type ProcessExit,
} from '@org/dte-testing';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { expectExit } from '../support/expect-exit';
import { sampleFleet } from '../support/sample-fleet';

const PROJECTS = {
  first: {
    root: 'libs/first',
    targets: {
      build: { cache: true, command: sampleCommand('first:build', { sleep: 200 }) },
      test: { cache: true, command: sampleCommand('first:test', { lines: 3, exit: 7 }) },
    },
  },
  second: {
    root: 'libs/second',
    targets: {
      build: { cache: true, dependsOn: ['first:build'], command: sampleCommand('second:build') },
      test: { cache: true, dependsOn: ['first:test'], command: sampleCommand('second:test') },
    },
  },
};

/** The workspace has other projects. */
const OURS = ['--projects=first,second', '--parallel=2'];

interface Model {
  readonly agents: { readonly name: string }[];
  readonly runs: {
    readonly ok: boolean;
    readonly startMs: number;
    readonly endMs: number;
    readonly accuracy: { readonly tasks: number; readonly wall: { readonly expectedMs: number } } | null;
    readonly tasks: {
      readonly id: string;
      readonly status: string;
      readonly from: string | null;
      readonly dependencies: number[];
      readonly output: string | null;
      readonly expectedMs: number | null;
      readonly attempts: {
        readonly agent: number | null;
        readonly outcome: string;
        readonly startMs: number;
        readonly endMs: number;
        readonly reportMs: number | null;
        readonly measured: Readonly<Record<string, number | null>> | null;
      }[];
    }[];
  }[];
}

/** Takes traces, as a collector of OpenTelemetry does. */
class Collector {
  readonly requests: string[] = [];

  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        this.requests.push(text);
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    });
  }

  static async start(): Promise<Collector> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new Collector(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

/** Milliseconds that a page may take on a machine that has ten times as much to do. */
const PAGE_MS = 120_000;

/** Opens a page in chromium, and keeps what its console says: errors, and what its policy has refused. */
async function openInBrowser(url: string) {
  const browser = await launchChromium();
  const page = await browser.newPage();
  page.setDefaultTimeout(PAGE_MS);
  const complaints: string[] = [];
  page.on('pageerror', ({ message }) => complaints.push(message));
  page.on('console', (message) => complaints.push(message.text()));
  page.on('requestfailed', (request) => {
    // The page goes on as soon as it knows the status of an answer: chromium may call the rest of the answer aborted.
    const why = request.failure()?.errorText ?? '';
    if (why !== 'net::ERR_ABORTED') complaints.push(`${request.method()} ${request.url()} failed: ${why}`);
  });
  await page.goto(url);
  return {
    complaints,
    shows: (selector: string, hasText: string) => page.locator(selector, { hasText }).first().waitFor(),
    address: () => page.url(),
    close: () => browser.close(),
  };
}

const tasksOf = ({ runs }: Model, nth: number) =>
  Object.fromEntries((runs[nth]?.tasks ?? []).map((task) => [task.id, task]));

describe('the report of a main job', () => {
  let fleet: Fleet;

  beforeEach(() => {
    fleet = sampleFleet({ projects: PROJECTS });
  });

  afterEach(async () => {
    expect(await fleet.close()).toEqual([]);
  });

  async function modelOf(pipeline: Pipeline): Promise<Model> {
    const exit = await pipeline.dte(['report', '--format=json']);
    expectExit(exit, 0, pipeline);
    return JSON.parse(exit.stdout) as Model;
  }

  it('tells of all commands what ran where, what failed and what a cache had', async () => {
    const pipeline = await Pipeline.start(fleet, 1);
    const early = await pipeline.dte(['report']);
    expect([early.code, early.stderr]).toEqual([1, expect.stringContaining('DTE_NO_REPORT')]);

    const red = await pipeline.nx(['run-many', '-t', 'build,test', ...OURS]);
    // 1 if a task failed; from 23 on, Nx exits with 130 if it skipped one.
    expect([1, 130]).toContain(red.code);
    expectExit(await pipeline.nx(['run-many', '-t', 'build', ...OURS]), 0, pipeline);
    // The same work again: now it is known how long it takes.
    expectExit(await pipeline.nx(['run-many', '-t', 'build', ...OURS, '--skip-nx-cache']), 0, pipeline);

    const model = await modelOf(pipeline);
    expect(model.agents.map(({ name }) => name)).toEqual(['agent-1']);
    expect(model.runs.map(({ ok }) => ok)).toEqual([false, true, true]);
    const tasks = tasksOf(model, 0);
    expect(Object.fromEntries(Object.entries(tasks).map(([id, { status }]) => [id, status]))).toEqual({
      'first:build': 'success',
      'first:test': 'failure',
      'second:build': 'success',
      'second:test': 'skipped',
    });
    expect(tasks['first:build']?.attempts).toMatchObject([{ agent: 0, outcome: 'success' }]);
    expect(tasks['first:test']).toMatchObject({
      output: expect.stringContaining('first:test') as string,
      attempts: [{ agent: 0, outcome: 'failure' }],
    });
    const [{ measured, reportMs } = {}] = tasks['first:build']?.attempts ?? [];
    // The task sleeps for 200 ms.
    expect(measured?.['runMs']).toBeGreaterThanOrEqual(190);
    expect(reportMs).toBeGreaterThanOrEqual(0);
    if (process.platform === 'linux') {
      expect(measured?.['cpuMs']).toBeGreaterThan(0);
      expect(measured?.['peakMemoryBytes']).toBeGreaterThan(1_000_000);
    }
    const [run] = model.runs;
    for (const { attempts } of Object.values(tasks))
      for (const { startMs, endMs } of attempts) {
        expect(startMs).toBeGreaterThanOrEqual(run?.startMs ?? Infinity);
        expect(endMs).toBeGreaterThanOrEqual(startMs);
        expect(endMs).toBeLessThanOrEqual(run?.endMs ?? 0);
      }
    const again = tasksOf(model, 1);
    expect(again['second:build']).toMatchObject({ status: 'success', attempts: [] });
    expect(again['second:build']?.from).not.toBeNull();

    expect(tasks['first:build']?.expectedMs).toBeNull();
    expect(model.runs[0]?.accuracy).toBeNull();
    const known = tasksOf(model, 2);
    expect(known['first:build']?.expectedMs).toBe(Math.round(measured?.['runMs'] ?? 0));
    expect(known['second:build']?.expectedMs).toBeGreaterThan(0);
    expect(model.runs[2]?.accuracy?.tasks).toBe(2);
    expect(model.runs[2]?.accuracy?.wall.expectedMs).toBeGreaterThanOrEqual(190);

    const junit = pipeline.main.read('.nx/dte/report/junit.xml');
    expect(junit).toContain('<testcase classname="first" name="test"');
    expect(junit).toContain('first:test failed on agent-1');
    const page = pipeline.main.read('.nx/dte/report/dte-report.html');
    expect(page).toContain('<h1>1 of 3 commands failed</h1>');
    const markdown: ProcessExit = await pipeline.dte(['report']);
    expect(markdown.stdout).toContain('**1 failed** · 1 not run');
    expect(markdown.stdout).toContain('### Expected against actual');
    await pipeline.complete();
  });

  it('shows what ran in the main job itself, and why it was not cached', async () => {
    const main = fleet.machine('main', { env: { DTE_AGENT_WAIT_MS: '100' } });
    const pipeline = new Pipeline(fleet, main, {});
    await pipeline.startCiRun();
    expectExit(await pipeline.nx(['run-many', '-t', 'build', ...OURS]), 0, pipeline);
    const tasks = tasksOf(await modelOf(pipeline), 0);
    expect(tasks['second:build']).toMatchObject({
      status: 'success',
      dependencies: [expect.any(Number)],
      attempts: [{ agent: null, outcome: 'success' }],
    });
    const why = async (...args: string[]): Promise<string> => {
      const exit = await pipeline.dte(['why', ...args]);
      expectExit(exit, 0, pipeline);
      return exit.stdout.trim();
    };
    expect(await why('first:build')).toBe('first:build was not cached: first run that is known');
    // As if they were the artifacts of another job.
    const earlier = join(main.folder, 'earlier');
    cpSync(join(main.workspace, '.nx', 'dte', 'report'), earlier, { recursive: true });

    const git = async (...args: string[]): Promise<void> =>
      expectExit(await main.run('git', ['-c', 'user.name=x', '-c', 'user.email=x@x', ...args]), 0, pipeline);
    await git('mv', 'libs/first/source.txt', 'libs/first/moved.txt');
    await git('commit', '--quiet', '--message=move');
    const collector = await Collector.start();
    const exit = await pipeline
      .nx(['run-many', '-t', 'build', '--verbose', ...OURS], {
        env: {
          OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
          OTEL_EXPORTER_OTLP_HEADERS: 'x-token=a-secret-value',
          TRACEPARENT: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
        },
      })
      .finally(() => collector.close());
    expectExit(exit, 0, pipeline);
    expect(collector.requests).toEqual([expect.stringContaining(`"traceId":"${'a'.repeat(32)}"`)]);
    expect(collector.requests[0]).toContain('"name":"first:build"');
    expect(exit.output).not.toContain('a-secret-value');
    const reason = 'libs/first/source.txt was renamed to libs/first/moved.txt';
    expect(exit.output).toContain(`dte: not cached: first:build: ${reason}`);
    expect(await why('first:build')).toBe(`first:build was not cached: ${reason}`);
    expect(await why('first:build', `--against=${earlier}`)).toBe(`first:build was not cached: ${reason}`);
    const missing = await pipeline.dte(['why', 'first:build', '--against=elsewhere/42-1.jsonl']);
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringMatching(/no elsewhere.*DTE_NO_REPORT/s),
    ]);
    expect(await why('second:build')).toContain('its result came from the local cache');
    expect(await why()).toMatch(/1 +libs\/first\/source.txt was renamed to .* first:build/);
    await pipeline.complete();
  });

  it('is shown by a standalone coordinator as well, to whoever has the link in the log', async () => {
    const server = fleet.machine('server', { ci: false });
    const data = join(server.folder, 'data');
    const coordinator = server.startDte(['coordinator', '--port=0', `--data-dir=${data}`]);
    await coordinator.waitForOutput(/coordinator on \S+:\d+/);
    const url = /coordinator on (\S+:\d+)/.exec(coordinator.output())?.[1] ?? '';
    const pipeline = await Pipeline.start(fleet, 1, { DTE_COORDINATOR_URL: url });
    const green = await pipeline.nx(['run-many', '-t', 'build', ...OURS]);
    expectExit(green, 0, pipeline);
    const link = /dte: live report: (\S+)/.exec(green.output)?.[1] ?? '';
    const opened = await openInBrowser(link);
    try {
      await opened.shows('h1', '2 tasks succeeded');
      await opened.shows('.live', 'Live');
      const red = await pipeline.nx(['run-many', '-t', 'build,test', ...OURS]);
      expect([1, 130]).toContain(red.code);
      // Nobody loads the page again.
      await opened.shows('h1', '1 of 2 commands failed');
      await opened.shows('.failure .task-name', 'first:test');
      expect(opened.complaints).toEqual([]);
      expect(opened.address()).toBe(link.replace(/open#.*$/, ''));
    } finally {
      await opened.close();
    }

    const { pathname, hash, origin } = new URL(link);
    expect(origin).toBe(url);
    const id = pathname.split('/')[2] ?? '';
    const token = hash.slice(1);
    const answer = await httpCall(url, { path: `/v1/sessions/${id}/model`, token });
    const { model } = JSON.parse(answer.text) as { model: Model };
    const statuses = (of: Model): unknown =>
      of.runs.map(({ ok, tasks }) => [
        ok,
        ...tasks.map((task) => [task.id, task.status, task.from, task.attempts.length, task.output]).sort(),
      ]);
    expect(statuses(model)).toEqual(statuses(await modelOf(pipeline)));
    const page = await httpCall(url, { path: pathname });
    expect([page.status, page.text.includes('Opening the report')]).toEqual([200, true]);

    expectExit(await pipeline.dte(['complete-ci-run']), 0, pipeline);
    for (const agent of pipeline.agents) expectExit(await agent.process.end(), 0, pipeline);
    coordinator.signal('SIGTERM');
    expectExit(await coordinator.end(), 0, pipeline);
    await pipeline.everybodyGone();
    const later = await pipeline.dte(['report', '--format=json', `--journal=${join(data, 'sessions', id)}`]);
    expectExit(later, 0, pipeline);
    expect(statuses(JSON.parse(later.stdout) as Model)).toEqual(statuses(model));
    expect(coordinator.output()).not.toContain(token);
  });
});
