import { readLimits } from '@org/dte-protocol';
import { startFakeGitlab, type FakeGitlab } from '@org/dte-testing';
import { readGitlabJob } from '../job';
import { keepNote, notesAccessOf, type NoteToKeep } from './keep-note';
import type { NotesAccess } from './notes-api';

describe('the note of a merge request', () => {
  let gitlab: FakeGitlab;
  let access: NotesAccess;
  const limits = readLimits({}).limits;

  beforeEach(async () => {
    gitlab = await startFakeGitlab({ projects: [{ id: 7 }] });
    const token = gitlab.accessToken(7, 'reporter');
    access = { apiUrl: gitlab.apiUrl, projectId: '7', mergeRequest: '3', token, ca: [] };
  });
  afterEach(() => gitlab.close());

  const keep = (fields: Partial<NoteToKeep> = {}, change: Partial<NotesAccess> = {}) =>
    keepNote(
      { ...access, ...change },
      { name: 'main', pipelineId: '100', text: 'two failed', creates: true, ...fields },
      limits,
    );
  const bodies = (): string[] => gitlab.notes().map(({ body }) => body);

  it('is written once, and edited in place by later pipelines', async () => {
    expect(await keep()).toBe('created');
    expect(await keep()).toBe('unchanged');
    expect(await keep({ pipelineId: '101', text: 'all passed', creates: false })).toBe('updated');
    expect(bodies()).toEqual(['<!-- dte:main -->\n<!-- dte-pipeline:101 -->\n\nall passed']);
  });

  it('is not written to say that everything passed, if there is none', async () => {
    expect(await keep({ creates: false })).toBe('none');
    expect(bodies()).toEqual([]);
  });

  it('stays that of a newer pipeline, whose failure an old success would hide', async () => {
    await keep({ pipelineId: '1000', text: 'failed <!-- dte-pipeline:1 -->' });
    expect(await keep({ pipelineId: '999', text: 'passed' })).toBe('newer');
    expect(bodies()[0]).toContain('failed');
  });

  it('is another one for each main job', async () => {
    await keep();
    await keep({ name: 'apps.web' });
    expect(bodies()).toHaveLength(2);
  });

  it('is found among many others, none of which is taken for it', async () => {
    const other = { projectId: 7, mergeRequest: 3, author: 99 };
    gitlab.addNote({ ...other, body: '<!-- dte:main -->\n<!-- dte-pipeline:1 -->\nof somebody else' });
    for (let count = 0; count < 150; count++) gitlab.addNote({ ...other, body: `note ${count}` });
    expect(await keep()).toBe('created');
    expect(await keep({ text: 'three failed' })).toBe('updated');
    expect(gitlab.notes()).toHaveLength(152);
    expect(bodies()[0]).toContain('of somebody else');
  });

  it("fits into GitLab's limit", async () => {
    await keep({ text: `the result\n\n${'x'.repeat(1_000_000)}` });
    expect(bodies()[0]).toMatch(/the result$/);
  });

  it.each<[string, () => Partial<NotesAccess>, RegExp]>([
    ['a token that is not valid', () => ({ token: 'none' }), /401: the token is not valid/],
    ['a token of another project', () => ({ token: gitlab.accessToken(8) }), /404: the token has no access/],
    ["the job's own token", () => ({ token: gitlab.jobToken(7, 1) }), /401/],
  ])('fails with the reason with %s', async (_, change, reason) => {
    await expect(keep({}, change())).rejects.toMatchObject({
      code: 'DTE_GITLAB_API',
      message: expect.stringMatching(reason) as unknown,
    });
    expect(bodies()).toEqual([]);
  });

  it.each([500, 429, 'reset', 'hang'] as const)(
    'fails in time if GitLab answers with %s',
    async (failure) => {
      gitlab.failNext(failure, { path: '/notes' });
      const quick = { ...limits, noteMs: 500 };
      const note: NoteToKeep = { name: 'main', pipelineId: '100', text: 'x', creates: true };
      await expect(keepNote(access, note, quick)).rejects.toMatchObject({ code: 'DTE_GITLAB_API' });
    },
  );
});

describe('the merge request of a job', () => {
  const env = { CI_API_V4_URL: 'https://g/api/v4', CI_PROJECT_ID: '7', CI_MERGE_REQUEST_IID: '3' };

  it('is in its own project, or in that to which a fork wants to merge', () => {
    expect(notesAccessOf(readGitlabJob(env), 't', [])).toMatchObject({ projectId: '7', mergeRequest: '3' });
    const fork = readGitlabJob({ ...env, CI_MERGE_REQUEST_PROJECT_ID: '8' });
    expect(notesAccessOf(fork, 't', [])).toMatchObject({ projectId: '8' });
  });

  it('is unknown in other pipelines, and of no use without a token', () => {
    expect(notesAccessOf(readGitlabJob({ ...env, CI_MERGE_REQUEST_IID: '' }), 't', [])).toBeNull();
    expect(notesAccessOf(readGitlabJob(env), undefined, [])).toBeNull();
    expect(notesAccessOf(null, 't', [])).toBeNull();
  });
});
