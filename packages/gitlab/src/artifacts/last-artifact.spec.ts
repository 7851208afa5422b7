import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { lastArtifact, type LastArtifact } from './last-artifact';

describe('an artifact of the last pipeline of the default branch', () => {
  let server: Server;
  let asked: { readonly path: string; readonly token: unknown }[];
  let answer: { readonly status: number; readonly body: string };

  beforeEach(async () => {
    asked = [];
    answer = { status: 200, body: 'what it says' };
    server = createServer((request, response) => {
      asked.push({ path: request.url ?? '', token: request.headers['job-token'] });
      response.writeHead(answer.status).end(answer.body);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  const ask = (job: Partial<LastArtifact['job']> = {}, path = '/builds/app/.nx/dte/report/a b.jsonl') =>
    lastArtifact({
      job: {
        apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v4`,
        projectId: '42',
        token: 'a-token',
        defaultBranch: 'release/1',
        name: 'nx main',
        projectDir: '/builds/app',
        ...job,
      },
      authorities: [],
      path,
      maxBytes: 1_000,
      timeoutMs: 60_000,
    });

  it('is read with the token of the job, from the job of the same name', async () => {
    expect(await ask()).toBe('what it says');
    expect(asked).toEqual([
      {
        path: '/api/v4/projects/42/jobs/artifacts/release%2F1/raw/.nx/dte/report/a%20b.jsonl?job=nx%20main',
        token: 'a-token',
      },
    ]);
  });

  it.each([403, 404, 500])('is not there if GitLab answers with status %i', async (status) => {
    answer = { status, body: 'no' };
    expect(await ask()).toBeNull();
  });

  it('is not read if it is too large', async () => {
    answer = { status: 200, body: 'x'.repeat(2_000) };
    expect(await ask()).toBeNull();
  });

  it('is not asked for outside the clone, or where GitLab does not tell enough', async () => {
    expect(await ask({}, '/somewhere/else')).toBeNull();
    expect(await ask({ defaultBranch: null })).toBeNull();
    expect(asked).toEqual([]);
  });
});
