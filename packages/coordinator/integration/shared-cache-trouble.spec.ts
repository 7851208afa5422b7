import { writeFile } from 'node:fs/promises';
import { DteError, HTTP, NOTICE_HEADER, noticesOfHeader } from '@org/dte-protocol';
import {
  type FakeGitlab,
  FolderSharedCache,
  type HttpAnswer,
  startFakeGitlab,
  waitFor,
} from '@org/dte-testing';
import { createLog } from '../src';
import { questionOf, type RunningPipeline, SharedBench } from './support/shared-cache';

let gitlab: FakeGitlab;
let bench: SharedBench;
let log: string[];
beforeAll(async () => {
  gitlab = await startFakeGitlab({ projects: [] });
});
afterAll(() => gitlab.close());
beforeEach(() => (log = []));
afterEach(() => bench.cleanUp());

const newsIn = ({ headers }: HttpAnswer): string[] => noticesOfHeader(String(headers[NOTICE_HEADER] ?? ''));
const logged = (): string[] => log.filter((line) => line.includes('shared cache'));

/** A store in which anything may go wrong. */
class TroubledStore extends FolderSharedCache {
  constructor(
    root: string,
    readonly trouble: () => Promise<never>,
    readonly onlyWrites = false,
  ) {
    super(root);
    this.write = trouble;
    if (!onlyWrites) this.find = trouble;
  }
}

const TROUBLES: [string, () => Promise<never>, boolean, RegExp][] = [
  [
    'away',
    () => Promise.reject(new Error('connect ECONNREFUSED')),
    false,
    /could not be read \(connect ECONN.*a miss/,
  ],
  [
    'slow',
    () => new Promise(() => undefined),
    false,
    /could not be read \(no answer within 50 ms\): .* a miss/,
  ],
  [
    'read-only',
    () => Promise.reject(new Error('denied')),
    true,
    /could not be written \(denied\): later pipelines/,
  ],
  [
    'full',
    () => Promise.reject(new DteError('DTE_CACHE_QUOTA', 'There is no room.')),
    true,
    /does not have the result of app:build of pipeline .*: There is no room/,
  ],
];

describe.each(['standalone', 'embedded'] as const)('trouble of the store of a coordinator (%s)', (kind) => {
  const open = async (
    make: (root: string) => FolderSharedCache,
    isSlow = false,
  ): Promise<RunningPipeline> => {
    bench = await SharedBench.open(kind, gitlab);
    const logger = createLog('info', (line) => log.push(line));
    const limits = isSlow ? { cacheQuestionMs: 50, cacheWriteMs: 50 } : {};
    return bench.pipeline('main', { store: make(bench.root), logger, limits });
  };

  it.each(TROUBLES)(
    'that is %s is one line for the main job, and one in the log',
    async (name, trouble, onlyWrites, line) => {
      const pipeline = await open((root) => new TroubledStore(root, trouble, onlyWrites), name === 'slow');
      const { token } = pipeline.main;
      const news: string[] = [];
      const ask = async (path: string, body: string): Promise<void> => {
        const answer = await pipeline.call(token, path, body);
        expect(answer.status).toBe(200);
        news.push(...newsIn(answer));
      };
      for (let times = 0; times < 5; times++) await ask(HTTP.cacheQuestion, questionOf('a', 'b'));
      await pipeline.build('c', 'outputs');
      await waitFor('the line in the log', () => logged().length > 0);
      await ask(HTTP.cacheQuestion, questionOf('a', 'b'));
      expect(news).toHaveLength(1);
      for (const hash of ['d', 'e', 'f', 'g']) await pipeline.build(hash, 'outputs');
      for (let times = 0; times < 5; times++) await ask(HTTP.cacheQuestion, questionOf('a', 'b'));
      await ask(HTTP.sessionComplete, '');
      expect(news).toEqual([expect.stringMatching(line)]);
      expect(logged()).toEqual([expect.stringMatching(line)]);
    },
  );

  it('that lies is one line for the main job, and one in the log, however much is damaged', async () => {
    const pipeline = await open((root) => new FolderSharedCache(root));
    const { token } = pipeline.main;
    const hashes = ['a', 'b', 'c'];
    const news: string[] = [];
    for (const hash of hashes) {
      await bench.put('main', hash, 'outputs');
      const path = bench.store.pathOf(bench.areaOf('main'), { kind: 'cache', hash });
      await writeFile(`${path}.bin`, 'OUTPUTS');
      const answer = await pipeline.call(token, HTTP.check(HTTP.cache(hash)), '{}');
      expect(JSON.parse(answer.text)).toEqual({ state: 'removed' });
      news.push(...newsIn(answer));
    }
    const line = /had damaged bytes for app:build \(cache a\) of pipeline 900, job 9: .* made again/;
    expect(news).toEqual([expect.stringMatching(line)]);
    expect(logged()).toEqual([expect.stringMatching(line)]);
  });

  it('is not told to agents', async () => {
    const pipeline = await open((root) => new TroubledStore(root, () => Promise.reject(new Error('gone'))));
    const { token } = await pipeline.agent();
    const answer = await pipeline.call(token, HTTP.cacheQuestion, questionOf('a'));
    expect([answer.status, newsIn(answer)]).toEqual([200, []]);
    expect(
      newsIn(await pipeline.call(pipeline.main.token, HTTP.cacheQuestion, questionOf('a'))),
    ).toHaveLength(1);
  });
});
