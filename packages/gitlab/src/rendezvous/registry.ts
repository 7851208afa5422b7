import { DteError } from '@org/dte-protocol';
import { z } from 'zod';
import type { GitlabAnswer } from '../http';
import type { RegistryAccess } from './access';
import { PACKAGE_NAME } from './names';
import {
  PatientClient,
  REAL_TIME,
  reasonOf,
  type Patience,
  type RegistryLimits,
  type Timing,
} from './patient-client';

const packageSchema = z.object({
  id: z.int(),
  name: z.string(),
  version: z.string().nullable(),
  created_at: z.string().transform((text) => Date.parse(text)),
  /** Of the job that has stored its first file; absent if it was no job. */
  pipeline: z.object({ id: z.int() }).nullish(),
});
const packageFileSchema = z.object({
  id: z.int(),
  file_name: z.string(),
  file_sha256: z.string().nullish(),
  /** Of the jobs that have stored it; absent if it was no job. */
  pipelines: z.array(z.object({ id: z.int() })).nullish(),
});

export type PackageEntry = z.infer<typeof packageSchema>;
export type PackageFileEntry = z.infer<typeof packageFileSchema>;

/** Entries of one page: the maximum of GitLab's API. Not configurable. */
const PER_PAGE = 100;
/** Pages of the files of one package that are read: a pipeline has a record, and a report of each agent that could not connect. */
const FILE_PAGES = 20;

/** The packages of one project, as seen by one of its jobs: https://docs.gitlab.com/user/packages/generic_packages/ */
export class PackageRegistry {
  private readonly client: PatientClient;

  constructor(access: RegistryAccess, limits: RegistryLimits, timing: Timing = REAL_TIME) {
    this.client = new PatientClient(access, limits, timing);
  }

  /**
   * The newest file with that name, or null.
   * @throws DteError DTE_RENDEZVOUS_REFUSED, DTE_RENDEZVOUS_UNAVAILABLE
   */
  async download(version: string, file: string, patience: Patience): Promise<string | null> {
    const answer = await this.client.ask({ method: 'GET', path: genericPath(version, file), patience });
    // If the job cannot see the project (or its token belongs to another one), nothing will ever be found.
    if (answer.status === 404 && !answer.body.includes('Project')) return null;
    if (answer.status !== 200) throw this.refused('GET', genericPath(version, file), answer);
    return answer.body;
  }

  /**
   * Adds a file; the newest with one name applies.
   * @returns false if the group rejects duplicates and a file with this name exists
   * @throws DteError DTE_RENDEZVOUS_REFUSED, DTE_RENDEZVOUS_UNAVAILABLE
   */
  async upload(version: string, file: string, body: string): Promise<boolean> {
    const path = genericPath(version, file);
    const answer = await this.client.ask({ method: 'PUT', path, body, patience: 'retry' });
    if (answer.status === 200 || answer.status === 201) return true;
    if (answer.status === 400 && /duplicate/i.test(answer.body)) return false;
    throw this.refused('PUT', path, answer);
  }

  /** Our packages, `order` by age; at most one page. */
  packages(
    order: 'newest first' | 'oldest first',
    version?: string,
    patience: Patience = 'once',
  ): Promise<readonly PackageEntry[]> {
    const query = new URLSearchParams({
      package_type: 'generic',
      package_name: PACKAGE_NAME,
      // Before 16.6, GitLab does not support it.
      ...(version === undefined ? {} : { package_version: version }),
      order_by: 'created_at',
      sort: order === 'newest first' ? 'desc' : 'asc',
      per_page: String(PER_PAGE),
    });
    return this.list(`/packages?${query.toString()}`, packageSchema, patience);
  }

  /** At most one page. @param page the first is 1 */
  files(packageId: number, patience: Patience = 'once', page = 1): Promise<readonly PackageFileEntry[]> {
    const path = `/packages/${packageId}/package_files?per_page=${PER_PAGE}&page=${page}`;
    return this.list(path, packageFileSchema, patience);
  }

  /** All files of a package. */
  async allFiles(packageId: number, patience: Patience): Promise<readonly PackageFileEntry[]> {
    const files: PackageFileEntry[] = [];
    for (let page = 1; page <= FILE_PAGES; page++) {
      const some = await this.files(packageId, patience, page);
      files.push(...some);
      if (some.length < PER_PAGE) break;
    }
    return files;
  }

  /** @returns whether it was permitted, as it is for maintainers */
  async deletePackage(packageId: number): Promise<boolean> {
    return this.remove(`/packages/${packageId}`);
  }

  async deleteFile(packageId: number, fileId: number): Promise<boolean> {
    return this.remove(`/packages/${packageId}/package_files/${fileId}`);
  }

  private async remove(path: string): Promise<boolean> {
    const { status } = await this.client.ask({ method: 'DELETE', path, patience: 'once' });
    return status === 204 || status === 200;
  }

  private async list<T>(path: string, entry: z.ZodType<T>, patience: Patience): Promise<readonly T[]> {
    const answer = await this.client.ask({ method: 'GET', path, patience });
    if (answer.status !== 200) throw this.refused('GET', path, answer);
    try {
      return z.array(entry).parse(JSON.parse(answer.body));
    } catch (cause) {
      throw new DteError('DTE_RENDEZVOUS_UNAVAILABLE', `The list at ${path} has an unexpected format.`, {
        cause,
      });
    }
  }

  private refused(method: string, path: string, answer: GitlabAnswer): DteError {
    return new DteError(
      'DTE_RENDEZVOUS_REFUSED',
      `GitLab's package registry rejected ${method} ${path} with ${reasonOf(answer)}.`,
    );
  }
}

const genericPath = (version: string, file: string): string =>
  `/packages/generic/${PACKAGE_NAME}/${version}/${encodeURIComponent(file)}`;
