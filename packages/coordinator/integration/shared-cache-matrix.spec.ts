import { rm, writeFile } from 'node:fs/promises';
import { HTTP } from '@org/dte-protocol';
import { exampleHello, type FakeGitlab, type RawClient, startFakeGitlab } from '@org/dte-testing';
import { boundKey, loadTokenKey, TokenIssuer } from '../src/auth/token';
import { nodeFileSystem } from '../src/files/file-system';
import { Harness, matching } from './support/harness';
import { SECRET } from './support/pipelines';
import { askWhere, sayStored } from './support/staging';
import {
  answerOf,
  PIPELINES,
  type PipelineName,
  questionOf,
  RunningPipeline,
  SharedBench,
} from './support/shared-cache';

const NAMES = Object.keys(PIPELINES) as PipelineName[];
/** Whose entries a pipeline reads, besides those that are trusted. */
const READS: Record<PipelineName, readonly PipelineName[]> = {
  main: [],
  'a tag': [],
  'merge request 1': ['merge request 1'],
  'merge request 2': ['merge request 2'],
  'a fork': ['a fork'],
  'a branch': ['a branch'],
};
const TRUSTED: readonly PipelineName[] = ['main', 'a tag'];
const isTrusted = (name: PipelineName): boolean => TRUSTED.includes(name);
/** One for each scope. */
const SCOPES = NAMES.filter((name) => name !== 'a tag');
const slug = (name: PipelineName): string => name.replace(/ /g, '-');
const hashIn = (name: PipelineName): string => `of-${slug(name)}`;
const contentIn = (name: PipelineName): string => `stored by an earlier pipeline of ${name}`;
const mayRead = (reader: PipelineName, scope: PipelineName): boolean =>
  scope === 'main' || READS[reader].includes(scope);

let gitlab: FakeGitlab;
let bench: SharedBench;
beforeAll(async () => {
  gitlab = await startFakeGitlab({ projects: [] });
});
afterAll(() => gitlab.close());
afterEach(() => bench.cleanUp());

const KINDS = ['standalone', 'embedded'] as const;

describe.each(KINDS)('the shared cache of a coordinator that is %s', (kind) => {
  beforeEach(async () => {
    bench = await SharedBench.open(kind, gitlab);
    for (const name of SCOPES) await bench.put(name, hashIn(name), contentIn(name));
  });

  /** What a caller finds of each scope, by question and by reading. */
  async function found({ call }: { call: Caller }): Promise<Record<string, string | null>> {
    const { held } = answerOf(await call(HTTP.cacheQuestion, questionOf(...SCOPES.map(hashIn))));
    const pairs = await Promise.all(
      SCOPES.map(async (name) => {
        const { status, text } = await call(HTTP.cache(hashIn(name)));
        expect([name, status]).toEqual([name, held.includes(hashIn(name)) ? 200 : 404]);
        return [name, status === 200 ? text : null] as const;
      }),
    );
    return Object.fromEntries(pairs);
  }
  const readable = (reader: PipelineName): Record<string, string | null> =>
    Object.fromEntries(SCOPES.map((name) => [name, mayRead(reader, name) ? contentIn(name) : null]));
  const callerOf =
    (pipeline: RunningPipeline, token: string): Caller =>
    (path, body, method) =>
      pipeline.call(token, path, body, method);

  describe.each(NAMES)('a pipeline of %s', (name) => {
    let pipeline: RunningPipeline;
    beforeEach(async () => {
      pipeline = await bench.pipeline(name);
    });

    it('reads its own scope and the trusted one, as main job and as agent', async () => {
      const agent = await pipeline.agent();
      for (const { token } of [pipeline.main, agent])
        expect(await found({ call: callerOf(pipeline, token) })).toEqual(readable(name));
    });

    it('writes its own scope only, when an agent ran a task', async () => {
      await pipeline.build('new', 'new bytes');
      await bench.whenStored(name, 'new');
      const where = [];
      for (const scope of SCOPES) if ((await bench.contentIn(scope, 'new')) !== null) where.push(scope);
      expect(where).toEqual([isTrusted(name) ? 'main' : name]);
    });

    it('overwrites nothing, whoever has stored it', async () => {
      for (const scope of SCOPES) await pipeline.build(hashIn(scope), 'other bytes');
      await pipeline.build('last', 'x');
      await bench.whenStored(name, 'last');
      for (const scope of SCOPES) expect(await bench.contentIn(scope, hashIn(scope))).toBe(contentIn(scope));
    });

    it('stores nothing for others by uploading it itself, as main job or as agent', async () => {
      const agent = await pipeline.begin('held');
      expect(await putBy(pipeline, pipeline.main, 'by-main')).toBe(200);
      expect(await putBy(pipeline, agent, 'by-agent')).toBe(403);
      await pipeline.end(agent, 'held', 'x');
      await bench.whenStored(name, 'held');
      for (const hash of ['by-main', 'by-agent'])
        for (const scope of SCOPES) expect(await bench.contentIn(scope, hash)).toBeNull();
    });

    it('writes its own scope only, with what an agent has put into the store itself', async () => {
      const agent = await pipeline.begin('new');
      const call = callerOf(pipeline, agent.token);
      const { status, key } = await askWhere(call, 'new', 'new bytes');
      expect(status).toBe(200);
      if (kind === 'embedded') {
        // Its main job is where it is, and needs the bytes.
        expect([key, await sayStored(call, 'new', 'new bytes')]).toEqual([null, 404]);
        return;
      }
      expect(await sayStored(call, 'new', 'new bytes')).toBe(404);
      bench.staged.set(key!, Buffer.from('new bytes'));
      expect(await sayStored(call, 'new', 'new bytes')).toBe(200);
      for (const { token } of [pipeline.main, agent])
        expect((await pipeline.call(token, HTTP.cache('new'))).text).toBe('new bytes');
      for (const scope of SCOPES) expect(await bench.contentIn(scope, 'new')).toBeNull();
      await pipeline.end(agent, 'new', 'others: what was stored first is kept');
      await bench.whenStored(name, 'new');
      const where = [];
      for (const scope of SCOPES) if ((await bench.contentIn(scope, 'new')) !== null) where.push(scope);
      expect(where).toEqual([isTrusted(name) ? 'main' : name]);
      expect(await bench.contentIn(name, 'new')).toBe('new bytes');
    });

    it('stores nothing for others by putting it into the store itself', async () => {
      const agent = await pipeline.begin('held');
      const [byMain, byAgent] = [pipeline.main, agent].map(({ token }) => callerOf(pipeline, token));
      const { key } = await askWhere(byMain!, 'by-main', 'bytes');
      if (key !== null) bench.staged.set(key, Buffer.from('bytes'));
      await sayStored(byMain!, 'by-main', 'bytes');
      // What it does not make, it may not even ask for.
      expect((await askWhere(byAgent!, 'by-main', 'bytes')).status).toBe(403);
      expect(await sayStored(byAgent!, 'other', 'bytes')).toBe(403);
      // As little as it may store what is there under the hash that it does make, if others are announced.
      expect(await sayStored(byAgent!, 'held', 'others')).toBe(404);
      await pipeline.end(agent, 'held', 'x', { result: { fromCache: 'local-cache' } });
      await pipeline.build('last', 'x');
      await bench.whenStored(name, 'last');
      for (const hash of ['by-main', 'held', 'other'])
        for (const scope of SCOPES) expect(await bench.contentIn(scope, hash)).toBeNull();
    });

    it('forgets what a pipeline has stored only if it is trusted, as main job', async () => {
      const agent = await pipeline.agent();
      expect((await forget(pipeline, agent)).status).toBe(403);
      for (const scope of SCOPES) expect(await bench.contentIn(scope, hashIn(scope))).not.toBeNull();
      const answer = await forget(pipeline, pipeline.main);
      if (isTrusted(name)) {
        expect([answer.status, JSON.parse(answer.text)]).toEqual([200, { forgotten: SCOPES.length }]);
        expect(Object.values(await found({ call: callerOf(pipeline, pipeline.main.token) }))).toEqual(
          SCOPES.map(() => null),
        );
      } else {
        expect(answer).toMatchObject({ status: 403, code: 'DTE_UNAUTHORIZED' });
        expect(answer.text).toMatch(/^Only a pipeline for a protected branch/);
        for (const scope of SCOPES) expect(await bench.contentIn(scope, hashIn(scope))).not.toBeNull();
      }
    });
  });

  it('does not let a merge request put bytes under a hash that main will ask for (CVE-2025-36852)', async () => {
    const attacker = await bench.pipeline('merge request 1');
    await attacker.build('hash-of-main', 'bad bytes');
    await bench.whenStored('merge request 1', 'hash-of-main');

    const main = await bench.pipeline('main');
    const ask = async (pipeline: RunningPipeline): Promise<[string[], number, string]> => {
      const { token } = pipeline.main;
      const question = await pipeline.call(token, HTTP.cacheQuestion, questionOf('hash-of-main'));
      const { status, text } = await pipeline.call(token, HTTP.cache('hash-of-main'));
      return [answerOf(question).held, status, text];
    };
    expect(await ask(main)).toEqual([[], 404, matching(/^There is no artifact/)]);
    await main.build('hash-of-main', 'good bytes');
    await bench.whenStored('main', 'hash-of-main');

    const third = await bench.pipeline('a branch');
    const { text } = await third.call(third.main.token, HTTP.cache('hash-of-main'));
    expect(text).toBe('good bytes');
    expect(await bench.contentIn('merge request 1', 'hash-of-main')).toBe('bad bytes');
  });
});

describe('who is no job of a pipeline', () => {
  beforeEach(async () => {
    bench = await SharedBench.open('standalone', gitlab);
    for (const name of SCOPES) await bench.put(name, hashIn(name), contentIn(name));
  });

  const statuses = async (pipeline: RunningPipeline, token: string): Promise<Record<string, number>> => {
    const pairs = await Promise.all(
      SCOPES.map(async (name) => {
        const { status } = await pipeline.call(token, HTTP.cache(hashIn(name)));
        return [name, status] as const;
      }),
    );
    return Object.fromEntries(pairs);
  };
  const all = (status: number): Record<string, number> =>
    Object.fromEntries(SCOPES.map((name) => [name, status]));

  it('gets nothing without a token, or with a made-up one', async () => {
    const pipeline = await bench.pipeline('main');
    for (const token of ['', 'made-up', bench.tokenOf('main'), 'x'.repeat(40)])
      expect(await statuses(pipeline, token)).toEqual(all(401));
    expect(await putBy(pipeline, { token: 'x'.repeat(40) }, 'new')).toBe(401);
    expect((await forget(pipeline, { token: 'x'.repeat(40) })).status).toBe(401);
  });

  it('can do with a stolen token of an agent what that agent could, and no more', async () => {
    const theirs = await bench.pipeline('merge request 2');
    const stolen = await theirs.begin('held');
    const thief = await bench.pipeline('merge request 1');
    const reads = SCOPES.map((name) => [name, mayRead('merge request 2', name) ? 200 : 404]);
    expect(await statuses(thief, stolen.token)).toEqual(Object.fromEntries(reads));
    // It holds a task with one hash, in its own session, and nothing of it is shared before its own result is accepted.
    expect(await putBy(thief, stolen, 'not-held')).toBe(403);
    expect(await putBy(thief, stolen, 'held')).toBe(200);
    expect((await forget(thief, stolen)).status).toBe(403);
    // Nor can it put more into the store itself; and what it has put there is of the session of that agent, and of no other.
    const call: Caller = (path, body, method) => thief.call(stolen.token, path, body, method);
    expect((await askWhere(call, 'not-held', 'bytes')).status).toBe(403);
    expect(await sayStored(call, 'not-held', 'bytes')).toBe(403);
    expect((await askWhere(call, 'held', 'bytes')).status).toBe(409);
    const mine: Caller = (path, body, method) => thief.call(thief.main.token, path, body, method);
    const { key } = await askWhere(mine, 'mine', 'bytes');
    bench.staged.set(key!, Buffer.from('bytes'));
    const theirMain: Caller = (path, body, method) => theirs.call(theirs.main.token, path, body, method);
    expect(await sayStored(theirMain, 'mine', 'bytes')).toBe(404);
    expect(await sayStored(mine, 'mine', 'bytes')).toBe(200);
    expect((await theirMain(HTTP.cache('mine'))).status).toBe(404);
    // An attempt that it does not hold, of another session.
    const attempt = HTTP.attempt('r1', 'app:build', 2);
    expect((await thief.call(stolen.token, attempt, 'x', 'PUT')).status).toBe(403);
    await thief.build('last', 'x');
    await bench.whenStored('merge request 1', 'last');
    for (const name of SCOPES) expect([name, await bench.contentIn(name, 'held')]).toEqual([name, null]);
  });

  it('reads what is trusted with a token for laptops, and does nothing else', async () => {
    const [here, elsewhere] = ['l'.repeat(32), 'm'.repeat(32)];
    const file = `${bench.root}.tokens`;
    await writeFile(file, `# laptops\n42 ${here}\n\n43 ${elsewhere}\n`);
    const pipeline = await bench.pipeline('main', { cacheReadTokenFile: file });
    expect(await statuses(pipeline, here)).toEqual({ ...all(404), main: 200 });
    expect(await statuses(pipeline, elsewhere)).toEqual(all(404));
    const refused: [string, string, string | undefined][] = [
      ['PUT', HTTP.cache('new'), 'x'],
      ['GET', HTTP.terminal(hashIn('main')), undefined],
      ['POST', HTTP.check(HTTP.cache(hashIn('main'))), '{}'],
      ['POST', HTTP.cacheQuestion, questionOf(hashIn('main'))],
      ['POST', HTTP.direct(HTTP.cache('new')), '{}'],
      ['PUT', HTTP.direct(HTTP.cache('new')), '{}'],
      ['POST', HTTP.cacheForget, '{"pipelineId":"900"}'],
      ['GET', HTTP.sessionStatus, undefined],
      ['POST', HTTP.sessionComplete, ''],
    ];
    for (const [method, path, body] of refused) {
      const answer = await pipeline.call(here, path, body, method);
      expect([path, answer.status, answer.text]).toEqual([
        path,
        403,
        matching(/only reads the shared cache/),
      ]);
      expect(answer.headers['content-type']).toMatch(/^text\/plain/);
    }
    // Taken out of the file.
    await writeFile(file, `43 ${elsewhere}\n`);
    expect(await statuses(pipeline, here)).toEqual(all(401));
    await writeFile(file, `42 ${here}\nnonsense\n`);
    expect(await statuses(pipeline, here)).toEqual(all(401));
    await rm(file);
    expect(await statuses(pipeline, elsewhere)).toEqual(all(401));
  });

  it.each([
    ['a short token', `42 ${'s'.repeat(31)}`],
    ['no project', 's'.repeat(32)],
    ['one token twice', `42 ${'s'.repeat(32)}\n43 ${'s'.repeat(32)}`],
  ])('is let in by no file with %s', async (_, text) => {
    const file = `${bench.root}.tokens`;
    await writeFile(file, text);
    const starting = bench.pipeline('main', { cacheReadTokenFile: file });
    await expect(starting).rejects.toMatchObject({ code: 'DTE_BAD_CONFIG' });
    await expect(starting).rejects.not.toMatchObject({ message: matching(/ssss/) });
    await rm(file);
  });

  it('reads and writes nothing where only a secret proves who somebody is', async () => {
    const harness = await Harness.start({ secret: SECRET, sharedCache: bench.store });
    try {
      const overrides = { sessionId: 's1', role: 'main', clientId: 'main-1' } as const;
      const pipeline = new RunningPipeline(harness, await harness.connect(exampleHello(overrides)), (role) =>
        exampleHello({ sessionId: 's1', role }),
      );
      const { token } = pipeline.main;
      expect(await statuses(pipeline, token)).toEqual(all(404));
      const question = await pipeline.call(token, HTTP.cacheQuestion, questionOf(...SCOPES.map(hashIn)));
      expect(answerOf(question).held).toEqual([]);
      await pipeline.build('new', 'x');
      await harness.coordinator.close();
      for (const name of SCOPES) expect(await bench.contentIn(name, 'new')).toBeNull();
    } finally {
      await harness.cleanUp();
    }
  });

  it('is known by a token of before: it stays valid, and nothing of the shared cache comes with it', async () => {
    const pipeline = await bench.pipeline('main');
    const key = boundKey(await loadTokenKey(nodeFileSystem, pipeline.harness.dataDir), [null, null]);
    const claims = new TokenIssuer(key, Date.now).verify(pipeline.main.token);
    const before = new TokenIssuer(key, Date.now).issue({ ...claims, grant: null });
    expect(await statuses(pipeline, pipeline.main.token)).toMatchObject({ main: 200 });
    expect(await statuses(pipeline, before)).toEqual(all(404));
    expect((await forget(pipeline, { token: before })).status).toBe(403);
    const call: Caller = (path, body, method) => pipeline.call(before, path, body, method);
    expect(await askWhere(call, 'new', 'bytes')).toEqual({ status: 200, key: null });
    expect(await sayStored(call, 'new', 'bytes')).toBe(404);
  });
});

type Caller = (path: string, body?: string, method?: string) => ReturnType<RunningPipeline['call']>;

const putBy = async (
  pipeline: RunningPipeline,
  { token }: Pick<RawClient, 'token'>,
  hash: string,
): Promise<number> => (await pipeline.call(token, HTTP.cache(hash), 'x', 'PUT')).status;

/** Everything in the bench was stored by the same earlier pipeline. */
const forget = (pipeline: RunningPipeline, { token }: Pick<RawClient, 'token'>) =>
  pipeline.call(token, HTTP.cacheForget, '{"pipelineId":"900"}');
