import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setEnvironment } from '../patches/replace';
import { ALL_MAJORS, expectEqual, type CanaryCheck } from './types';

interface NativeCache {
  put(hash: string, terminalOutput: string, outputs: string[], code: number): unknown;
}

interface CacheModule {
  getCache: (options: object) => {
    /** 20 to 24: the native cache inside, which does not retry failures. */
    cache: NativeCache;
    get(task: object): Promise<{ outputsPath: string } | null>;
    copyFilesFromCache(hash: string, entry: object, outputs: string[]): Promise<unknown>;
  };
}

interface HashTaskModule {
  getTaskDetails: () => {
    recordTaskDetails(rows: { hash: string; project: string; target: string }[]): void;
  };
}

interface UtilsModule {
  shouldStreamOutput: (task: object, initiatingProject: string | null) => boolean;
  getPrintableCommandArgsForTask: (task: object) => string[];
}

/** Decimal, as Nx's own hashes are. */
const newHash = (): string => randomBytes(7).readUIntBE(0, 6).toString();

const taskWith = (overrides: object): object => ({
  id: 'canary:build',
  target: { project: 'canary', target: 'build' },
  overrides,
  outputs: [],
});

/** Section 2 of the facts, as far as it can be checked without running a task. */
export const cacheChecks: readonly CanaryCheck[] = [
  {
    name: 'storing a result whose details were not recorded breaks a foreign key; recording them first helps',
    majors: ALL_MAJORS,
    run: (_root, nxRequire) => {
      const { cache } = (nxRequire('nx/src/tasks-runner/cache') as CacheModule).getCache({});
      const { getTaskDetails } = nxRequire('nx/src/hasher/hash-task') as HashTaskModule;
      // Only the first use creates the table.
      const details = getTaskDetails();
      const hash = newHash();
      let refusal = 'stored';
      try {
        cache.put(hash, '', [], 0);
      } catch (error) {
        refusal = /foreign key/i.test(String(error)) ? 'foreign key' : String(error);
      }
      details.recordTaskDetails([{ hash, project: 'canary', target: 'build' }]);
      cache.put(hash, '', [], 0);
      return Promise.resolve(expectEqual(refusal, 'foreign key'));
    },
  },
  {
    name: 'a local hit is found without init() and not put in place by get(), only by copyFilesFromCache()',
    majors: ALL_MAJORS,
    run: async (root, nxRequire) => {
      const nxCache = (nxRequire('nx/src/tasks-runner/cache') as CacheModule).getCache({});
      const { getTaskDetails } = nxRequire('nx/src/hasher/hash-task') as HashTaskModule;
      const hash = newHash();
      const folder = `dist-canary-${hash}`;
      const file = join(root, folder, 'file');
      getTaskDetails().recordTaskDetails([{ hash, project: 'canary', target: 'build' }]);
      mkdirSync(join(root, folder));
      writeFileSync(file, 'content');
      nxCache.cache.put(hash, '', [folder], 0);
      rmSync(join(root, folder), { recursive: true });
      const entry = await nxCache.get({ hash, outputs: [folder] });
      const afterGet = existsSync(file);
      if (entry) await nxCache.copyFilesFromCache(hash, entry, [folder]);
      const seen = { found: entry !== null, afterGet, afterCopy: existsSync(file) };
      rmSync(join(root, folder), { recursive: true, force: true });
      return expectEqual(seen, { found: true, afterGet: false, afterCopy: true });
    },
  },
  {
    name: 'NX_STREAM_OUTPUT makes Nx stream any task, and its absence none but a server',
    majors: ALL_MAJORS,
    run: (_root, nxRequire) => {
      const { shouldStreamOutput } = nxRequire('nx/src/tasks-runner/utils') as UtilsModule;
      const ask = (value: string | undefined): boolean => {
        const restore = setEnvironment({ NX_STREAM_OUTPUT: value, NX_TUI: 'false' });
        try {
          return shouldStreamOutput(taskWith({}), null);
        } finally {
          restore();
        }
      };
      return Promise.resolve(expectEqual([ask('true'), ask(undefined)], [true, false]));
    },
  },
  {
    name: 'a task needs overrides.__overrides_unparsed__, an empty list will do',
    majors: ALL_MAJORS,
    run: (_root, nxRequire) => {
      const { getPrintableCommandArgsForTask } = nxRequire('nx/src/tasks-runner/utils') as UtilsModule;
      let without = 'accepted';
      try {
        getPrintableCommandArgsForTask(taskWith({}));
      } catch {
        without = 'throws';
      }
      const withEmpty = getPrintableCommandArgsForTask(taskWith({ __overrides_unparsed__: [] }));
      return Promise.resolve(
        expectEqual({ without, withEmpty }, { without: 'throws', withEmpty: ['run', 'canary:build'] }),
      );
    },
  },
];
