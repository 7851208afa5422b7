import { createHash } from 'node:crypto';
import { DteError } from '@org/dte-protocol';
import { PACKAGE_NAME } from './names';
import type { PackageFileEntry, PackageRegistry } from './registry';

/** Whose jobs have stored a file. `unknown`: GitLab does not say. `replaced`: another file has its name now. */
export type Provenance = 'own' | 'foreign' | 'unknown' | 'replaced';

/**
 * Who has stored a file of a package, as GitLab says: every job of a project may store one, under any name, and a job of a merge request
 * could announce a coordinator of its own to the pipeline of `main`. The file is known by its bytes: another one may have been
 * stored since it was read.
 * @throws DteError DTE_RENDEZVOUS_UNAVAILABLE
 */
export async function provenanceOf(
  registry: PackageRegistry,
  file: { readonly version: string; readonly name: string; readonly text: string },
  pipelineId: string,
): Promise<Provenance> {
  const files = await filesOf(registry, file.version);
  const named = files?.filter(({ file_name }) => file_name === file.name) ?? [];
  // A GitLab that does not list them to jobs, or that has no digests.
  if (files === null || (named.length > 0 && named.every(({ file_sha256 }) => !file_sha256)))
    return 'unknown';
  const digest = createHash('sha256').update(file.text).digest('hex');
  const same = named.filter(({ file_sha256 }) => file_sha256 === digest);
  const makers = same.flatMap(({ pipelines }) => pipelines ?? []).map(({ id }) => String(id));
  if (makers.includes(pipelineId)) return 'own';
  if (makers.length > 0 || files.length === 0) return 'foreign';
  if (same.length === 0) return 'replaced';
  return (await saysPipelines(registry, files)) ? 'foreign' : 'unknown';
}

/** Whether GitLab tells this job of pipelines at all. Then what has none was not stored by a job. */
async function saysPipelines(
  registry: PackageRegistry,
  files: readonly PackageFileEntry[],
): Promise<boolean> {
  if (files.some(({ pipelines }) => (pipelines ?? []).length > 0)) return true;
  const packages = await registry.packages('newest first', undefined, 'retry');
  return packages.some(({ name, pipeline }) => name === PACKAGE_NAME && pipeline != null);
}

/** Null: there is no such list for jobs. None: the package is not listed, as one that somebody has hidden. */
async function filesOf(
  registry: PackageRegistry,
  version: string,
): Promise<readonly PackageFileEntry[] | null> {
  try {
    const packages = await registry.packages('newest first', version, 'retry');
    const found = packages.find((each) => each.name === PACKAGE_NAME && each.version === version);
    return found === undefined ? [] : await registry.allFiles(found.id, 'retry');
  } catch (thrown) {
    if (DteError.from(thrown).code === 'DTE_RENDEZVOUS_REFUSED') return null;
    throw thrown;
  }
}
