import { readSurroundings } from '../edge/surroundings';
import { resolveConfig, type Env } from '@org/dte-config';
import { startFakeGitlab, type FakeGitlab } from '@org/dte-testing';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastReports, writesNote } from './last-reports';

describe('the last reports of a job', () => {
  let gitlab: FakeGitlab;
  let workspaceRoot: string;
  let said: string[];

  beforeEach(async () => {
    gitlab = await startFakeGitlab({ projects: [{ id: 7 }] });
    workspaceRoot = mkdtempSync(join(tmpdir(), 'dte-last-reports-'));
    said = [];
    for (const stream of [process.stdout, process.stderr])
      jest.spyOn(stream, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    rmSync(workspaceRoot, { recursive: true });
    await gitlab.close();
  });

  const report = join('.nx', 'dte', 'report');
  /** What a command of this job has written down. */
  const ran = (ok: boolean): void => {
    mkdirSync(join(workspaceRoot, report), { recursive: true });
    const events = [
      { type: 'run', atMs: 1, runId: 'r', command: 'nx affected', parallel: 1, tasks: [] },
      { type: 'run.ended', atMs: 2, runId: 'r', ok },
    ];
    writeFileSync(
      join(workspaceRoot, report, 's.jsonl'),
      events.map((event) => JSON.stringify(event)).join('\n'),
    );
  };
  const end = async (change: Env = {}): Promise<void> => {
    const env = {
      CI_API_V4_URL: gitlab.apiUrl,
      CI_PROJECT_ID: '7',
      CI_PIPELINE_ID: '100',
      CI_MERGE_REQUEST_IID: '3',
      CI_JOB_STATUS: 'success',
      DTE_NOTE_TOKEN: gitlab.accessToken(7, 'developer'),
      ...change,
    };
    const resolved = resolveConfig({ env });
    await lastReports({
      resolved,
      surroundings: readSurroundings(env),
      workspaceRoot,
      sessionId: 's',
      rendezvous: null,
    });
  };

  it('are complete although the command was killed, and the note says what failed', async () => {
    ran(false);
    await end({ CI_JOB_STATUS: 'failed' });
    expect(existsSync(join(workspaceRoot, report, 'junit.xml'))).toBe(true);
    expect(gitlab.notes().map(({ body }) => body)).toEqual([expect.stringContaining('<!-- dte:main -->')]);
    expect(said).toEqual(['dte: note in merge request !3: written\n']);
  });

  it.each<[string, boolean, Env]>([
    ['everything passed', true, {}],
    ['it is switched off', false, { DTE_NOTE: 'off' }],
    ['there is no token', false, { DTE_NOTE_TOKEN: '' }],
    ['there is no merge request', false, { CI_MERGE_REQUEST_IID: '' }],
  ])('have no note if %s', async (_, ok, env) => {
    ran(ok);
    await end(env);
    expect(gitlab.notes()).toEqual([]);
    expect(said).toEqual([]);
  });

  it('have a note although everything passed, if that is wanted', async () => {
    ran(true);
    await end({ DTE_NOTE: 'always' });
    expect(gitlab.notes()).toHaveLength(1);
  });

  it('have a note if the job failed and its tasks passed, and none if there were no tasks', async () => {
    await end({ CI_JOB_STATUS: 'failed' });
    expect(gitlab.notes()).toEqual([]);
    ran(true);
    await end({ CI_JOB_STATUS: 'failed' });
    expect(gitlab.notes()[0]?.body).toContain('The job failed');
  });

  it('never fail the job: a note that cannot be written is one line', async () => {
    ran(false);
    gitlab.failNext(500, { path: '/notes' });
    await end();
    expect(said).toEqual([
      expect.stringMatching(/^dte: The note of the merge request was not written: status 500.*\n$/),
    ]);
    expect(said.join('')).not.toContain('glpat-');
  });
});

it.each<[string, boolean, Env]>([
  ['with a token, in a pipeline of a merge request', true, {}],
  ['without a token', false, { DTE_NOTE_TOKEN: '' }],
  ['without a merge request', false, { CI_MERGE_REQUEST_IID: '' }],
  ['if it is switched off', false, { DTE_NOTE: 'off' }],
])('a job writes the note itself, or leaves it to its coordinator: %s', (_, expected, change) => {
  const env = {
    CI_API_V4_URL: 'https://g/api/v4',
    CI_PROJECT_ID: '7',
    CI_PIPELINE_ID: '100',
    CI_MERGE_REQUEST_IID: '3',
    DTE_NOTE_TOKEN: 't',
    ...change,
  };
  const resolved = resolveConfig({ env });
  expect(writesNote({ resolved, surroundings: readSurroundings(env) })).toBe(expected);
});
