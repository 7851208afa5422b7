import { type NxProjectGraph } from '@org/dte-nx-compat';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { targetsOfWorkspace } from '../../checks';
import { GITLAB_FILE } from '../../pipeline';
import { REPORT_FOLDER } from '../../pipeline/shared-job';
import { includesFile } from '../ci/include';
import { rolesIn, scopeOf } from '../migration';
import { userFiles } from '../setup-gitlab/user-files';
import { storyOf, type PipelineStory } from '../survey/tell-work';
import { readYaml } from '../text/yaml';
import { findRepository, textsOfWorkspace } from '../workspace/repository';
import { inspectPlacement } from './placement';

/** What `dte doctor` knows about the pipeline of a workspace. */
export interface PipelineView {
  /** Whether there is a .gitlab-ci.yml. */
  readonly hasCiFile: boolean;
  /** There is a generated file, but .gitlab-ci.yml does not include it. */
  readonly isLeftOut: boolean;
  /** Whether a job of these files runs `dte start-ci-run`. */
  readonly hasMain: boolean;
  /** Whether these files keep the reports of the main job; those of version 0.1.0 do not. */
  readonly keepsReport: boolean;
  /** What its nx commands run, and what would make the pipeline wrong. */
  readonly story: PipelineStory;
  /** Whether any target is split into parts. */
  readonly hasSplitTargets: boolean;
}

/**
 * The GitLab files of a workspace on disk, compared with its projects.
 * @param workspaceRoot absolute
 * @param nodes of the project graph
 */
export function inspectPipeline(workspaceRoot: string, nodes: NxProjectGraph['nodes']): PipelineView {
  const disk = {
    root: workspaceRoot,
    exists: (path: string): boolean => existsSync(join(workspaceRoot, path)),
    read: (path: string): string => readFileSync(join(workspaceRoot, path), 'utf8'),
  };
  const repository = findRepository(disk);
  const { folder, ciFile, ours } = repository;
  const projects = targetsOfWorkspace(nodes, workspaceRoot);
  const files = userFiles(disk, repository);
  const isWritten = disk.exists(GITLAB_FILE);
  const isIncluded = [...files.values()].some((text) => {
    const yaml = readYaml(text);
    return yaml !== null && includesFile(yaml, ours);
  });
  if (isWritten && isIncluded) files.set(GITLAB_FILE, disk.read(GITLAB_FILE));
  const texts = textsOfWorkspace(files, repository);
  return {
    hasCiFile: files.has(ciFile),
    isLeftOut: inspectPlacement(workspaceRoot).some(({ kind }) => kind === 'unread'),
    hasMain: texts.some((text) => rolesIn(text, scopeOf(text, folder)).has('main')),
    keepsReport: texts.some((text) => text.includes(REPORT_FOLDER)),
    story: storyOf(projects, texts),
    hasSplitTargets: projects.some(({ targets }) =>
      [...targets.values()].some(({ splitFrom }) => splitFrom !== null),
    ),
  };
}
