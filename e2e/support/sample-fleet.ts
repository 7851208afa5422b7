import {
  DEFAULT_NX_VERSION,
  install,
  SAMPLE_CHANGE,
  SAMPLE_PROJECTS,
  SAMPLE_TARGET_DEFAULTS,
  sampleFiles,
  sampleNxJson,
  type FileContent,
  type SampleProject,
  Fleet,
} from '@org/dte-testing';
import { LIGHT_NX } from './light-nx';

/** The workspace with 12 affected tasks, plus the files of a test. */
export function sampleFleet({
  nx = DEFAULT_NX_VERSION,
  plugin = true,
  projects = {},
  targetDefaults = {},
  files = {},
  nxJson: moreOfNxJson = {},
  env = LIGHT_NX,
}: {
  nx?: string;
  plugin?: boolean;
  projects?: Record<string, SampleProject>;
  targetDefaults?: object;
  files?: Record<string, FileContent>;
  nxJson?: object;
  env?: Record<string, string>;
} = {}): Fleet {
  const defaults = { ...SAMPLE_TARGET_DEFAULTS, ...targetDefaults };
  const nxJson = { ...sampleNxJson({ plugin, targetDefaults: defaults }), ...moreOfNxJson };
  return Fleet.create({
    install: install({ nx }),
    files: { ...sampleFiles({ ...SAMPLE_PROJECTS, ...projects }, nxJson), ...files },
    change: SAMPLE_CHANGE,
    env,
  });
}

/** Ids of `nx affected -t lint,test,build`. */
export const AFFECTED_TASKS: string[] = ['alpha', 'beta', 'gamma', 'shop']
  .flatMap((project) => ['build', 'lint', 'test'].map((target) => `${project}:${target}`))
  .sort();

/** What those tasks leave on the disk. */
export const AFFECTED_OUTPUTS: string[] = ['libs/alpha', 'libs/beta', 'libs/gamma', 'apps/shop'].flatMap(
  (root) => [`dist/${root}/out.txt`, `${root}/coverage/report.txt`],
);
