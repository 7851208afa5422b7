import type { GitlabFileOptions } from '../options';

/** The generator's defaults in an npm workspace. */
export const DEFAULTS: GitlabFileOptions = {
  agents: 3,
  pools: [],
  parallel: 2,
  slots: 'parallel',
  targets: ['lint', 'test', 'build', 'e2e-ci'],
  coordinator: 'embedded',
  mainBranch: 'main',
  image: 'node:22',
  stage: 'test',
  artifacts: ['dist'],
  tags: [],
  packageManager: 'npm',
  packageManagerVersion: null,
  lockfile: 'package-lock.json',
  folder: '',
  formatCheck: false,
  cache: 'none',
  dynamic: false,
};

/** Lines of one text that the other lacks, in order: the effect of an option. */
export function difference(before: string, after: string): string {
  const missing = (from: string, other: string): string[] => {
    const left = other.split('\n');
    return from.split('\n').filter((line) => {
      const index = left.indexOf(line);
      if (index >= 0) left.splice(index, 1);
      return index < 0;
    });
  };
  const removed = missing(before, after).map((line) => `- ${line}`);
  const added = missing(after, before).map((line) => `+ ${line}`);
  return [...removed, ...added].join('\n');
}
