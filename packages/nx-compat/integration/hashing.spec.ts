import { join } from 'node:path';
import { readHashInput } from '../src';
import { EARLY_22, NX_VERSIONS } from './install-majors';
import type { HostHashesResult } from './scenarios/host-hashes';
import type { MainRunResult } from './scenarios/main-run';
import { makeWorkspace, project } from './support/workspace';

const FILES = {
  '.env': 'FROM_ROOT=root\n',
  'packages/app/.env': 'FROM_PROJECT=project\n',
  'tools/executors/package.json': JSON.stringify({
    name: 'executors',
    version: '0.0.0',
    executors: './executors.json',
  }),
  'tools/executors/executors.json': JSON.stringify({
    executors: { own: { implementation: './own.js', schema: './schema.json', hasher: './hasher.js' } },
  }),
  'tools/executors/schema.json': JSON.stringify({ type: 'object', properties: {} }),
  'tools/executors/own.js': `module.exports = async () => ({ success: true });`,
  'tools/executors/hasher.js': `module.exports = async (task, context) => {
    const { value } = await context.hasher.hashTask(task, context.taskGraph, context.env);
    return { value: 'own-' + value, details: { command: '', nodes: { own: value } } };
  };`,
  ...project('lib', { build: 'mkdir -p packages/lib/dist && echo data > packages/lib/dist/out.txt' }),
  ...project(
    'app',
    {
      build: {
        executor: 'nx:run-commands',
        dependsOn: ['^build'],
        inputs: ['default', { env: 'FROM_ROOT' }, { env: 'FROM_PROJECT' }, { runtime: 'echo tool' }],
        options: { command: 'echo building' },
      },
      test: {
        executor: 'nx:run-commands',
        cache: true,
        dependsOn: ['^build'],
        inputs: ['default', { dependentTasksOutputFiles: '**/*.txt', transitive: true }],
        options: { command: 'echo testing' },
      },
      own: { executor: './tools/executors:own', cache: true },
      say: {
        executor: 'nx:run-commands',
        cache: true,
        inputs: [{ env: 'OF_RUN' }],
        options: { command: 'echo $OF_RUN' },
      },
    },
    { implicitDependencies: ['lib'] },
  ),
};
const TARGETS = ['build', 'test', 'own', 'say'];

/** The kinds of inputs of app:build; each version names them differently. */
const KINDS = ['command', 'env', 'files', 'project', 'runtime', 'tsconfig'];
const kindsOf = (names: string[] = []): string[] => {
  const rootOf = (project: string) => (['app', 'lib'].includes(project) ? `packages/${project}` : undefined);
  const kinds = ['command', ...names].map((name) => readHashInput(name, rootOf).kind);
  return [...new Set(kinds)].filter((kind) => kind !== 'external').sort();
};

describe.each([...new Set([EARLY_22, ...NX_VERSIONS])])('hashing in a host, nx %s', (version) => {
  it('computes the hashes of the main job for the same files, and detects a changed dependency output or variable at once', async () => {
    const main = makeWorkspace(version, FILES);
    const other = main.clone();
    try {
      const { result: whole } = await main.run<MainRunResult>('main-run', { targets: TARGETS });
      expect(whole.upFront['app:test']).toBeUndefined();
      expect(whole.upFront['app:own']).toBeUndefined();
      const { result } = await other.run<HostHashesResult>('host-hashes', {
        targets: TARGETS,
        upFront: whole.upFront,
        runFirst: ['lib:build'],
        reader: 'app:test',
        file: join(other.root, 'packages/lib/dist/out.txt'),
        variable: { task: 'app:say', name: 'OF_RUN', values: ['first', 'second'] },
      });
      expect(result.hashes).toEqual(whole.hashes);
      expect(result.hashes['app:own']).toMatch(/^own-/);
      expect(result.changed).not.toBe(result.hashes['app:test']);
      expect(result.changedBack).toBe(result.hashes['app:test']);
      expect(result.nodes['app:build']?.join(' ')).toMatch(/FROM_PROJECT/);
      expect(kindsOf(result.nodes['app:build'])).toEqual(KINDS);
      expect(result.byValue.map(({ printed }) => printed)).toEqual(['first', 'second']);
      expect(new Set(result.byValue.map(({ hash }) => hash)).size).toBe(2);
    } finally {
      main.remove();
      other.remove();
    }
  });
});
