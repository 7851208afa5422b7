import { createHash } from 'node:crypto';
import type { Access, FakeRole } from './access';
import { type Answer, type Call, FORBIDDEN, NOT_FOUND, page, PROJECT_NOT_FOUND, refusal } from './answer';
import type { FakePackage, FakePackageFile, FakePackageRegistry } from './package-registry';
import type { FakeProject } from './projects';

// GitLab's own rules (lib/gitlab/regex.rb).
const NAME = /^[A-Za-z0-9._-]+$/;
const VERSION = /^(\.?[\w+-]+\.?)+$/;
const FILE_NAME = /^[A-Za-z0-9._~@+-]+$/;

const GENERIC = /^\/api\/v4\/projects\/([^/]+)\/packages\/generic\/([^/]+)\/([^/]+)\/([^/]+)$/;
const LIST = /^\/api\/v4\/projects\/([^/]+)\/packages$/;
const ONE = /^\/api\/v4\/projects\/([^/]+)\/packages\/(\d+)$/;
const FILES = /^\/api\/v4\/projects\/([^/]+)\/packages\/(\d+)\/package_files$/;
const FILE = /^\/api\/v4\/projects\/([^/]+)\/packages\/(\d+)\/package_files\/(\d+)$/;
const STORED = /^\/object-storage\/(\d+)$/;

const iso = (ms: number): string => new Date(ms).toISOString();

const shownPackage = ({ id, name, version, status, createdAtMs, files }: FakePackage): object => ({
  id,
  name,
  version,
  status,
  package_type: 'generic',
  created_at: iso(createdAtMs),
  ...(files[0]?.pipelineId == null ? {} : { pipeline: { id: files[0].pipelineId } }),
  tags: [],
});

const shownFile = (
  of: FakePackage,
  { id, name, content, createdAtMs, pipelineId }: FakePackageFile,
): object => ({
  id,
  package_id: of.id,
  created_at: iso(createdAtMs),
  file_name: name,
  size: Buffer.byteLength(content),
  file_sha256: createHash('sha256').update(content).digest('hex'),
  ...(pipelineId === null ? {} : { pipelines: [{ id: pipelineId, project_id: of.projectId }] }),
});

export interface PackagesApiOptions {
  /** Address of the object storage. */
  readonly storageUrl: string;
  readonly access: Access;
  readonly registry: FakePackageRegistry;
  readonly projectOf: (id: string) => FakeProject | undefined;
  /** The pipeline of a job, if it is known. */
  readonly pipelineOf: (jobId: number) => number | null;
}

/** Generic packages (upload, download) and the packages API (list, delete), as documented by GitLab. */
export class PackagesApi {
  constructor(private readonly options: PackagesApiOptions) {}

  /** Null: not a path of this API. */
  answer(call: Call): Answer | null {
    const stored = STORED.exec(call.path);
    if (stored !== null) return this.fromObjectStorage(call, Number(stored[1]));
    for (const [pattern, endpoint] of this.endpoints) {
      const found = pattern.exec(call.path);
      if (found === null) continue;
      const [, project = '', ...rest] = found;
      const known = this.options.projectOf(project);
      return known === undefined ? PROJECT_NOT_FOUND : endpoint(call, known, rest);
    }
    return null;
  }

  private readonly endpoints: readonly [
    RegExp,
    (call: Call, project: FakeProject, parts: readonly string[]) => Answer,
  ][] = [
    [GENERIC, (call, project, parts) => this.generic(call, project, parts)],
    [LIST, (call, project) => this.list(call, project)],
    [ONE, (call, project, parts) => this.one(call, project, parts)],
    [FILES, (call, project, parts) => this.files(call, project, parts)],
    [FILE, (call, project, parts) => this.file(call, project, parts)],
  ];

  private refuse(call: Call, project: FakeProject, role: FakeRole): Answer | null {
    const asked = { project: String(project.id), role, jobTokens: true };
    const refused = this.options.access.refuse(call, asked);
    if (refused !== null) return refused;
    return project.packages === 'disabled' ? FORBIDDEN : null;
  }

  private generic(call: Call, project: FakeProject, parts: readonly string[]): Answer {
    const [name = '', version = '', fileName = ''] = parts;
    // Callers without write permission are rejected before anything is read, as with `authenticate_non_get!`.
    const writes = call.method === 'PUT';
    const refused = this.refuse(call, project, writes ? 'developer' : 'reporter');
    if (refused !== null) return refused;
    for (const [what, value, rule] of [
      ['package_name', name, NAME],
      ['package_version', version, VERSION],
      ['file_name', fileName, FILE_NAME],
    ] as const) {
      if (!rule.test(value)) return { status: 400, body: { error: `${what} is invalid` } };
    }
    const path = { projectId: project.id, name, version };
    const { access, registry, pipelineOf } = this.options;
    if (writes) {
      const exists = registry.newest(path, fileName) !== undefined;
      if (exists && project.duplicates === 'rejected')
        return refusal(400, '400 Bad request - Duplicate package is not allowed');
      const status = call.query.get('status') === 'hidden' ? 'hidden' : 'default';
      const jobId = access.jobOf(call);
      const pipelineId = jobId === null ? null : pipelineOf(jobId);
      const content = call.body.toString('utf8');
      const file = registry.put(path, { name: fileName, content, status, pipelineId });
      if (call.query.get('select') === 'package_file') return { status: 200, body: { id: file.id } };
      return { status: 201, body: { message: '201 Created' } };
    }
    if (call.method !== 'GET') return refusal(405, '405 Not Allowed');
    const file = registry.newest(path, fileName);
    if (file === undefined) return NOT_FOUND;
    if (project.downloads === 'redirected')
      return { status: 302, headers: { location: `${this.options.storageUrl}/object-storage/${file.id}` } };
    const headers = { 'content-type': 'application/octet-stream' };
    return { status: 200, headers, body: file.content };
  }

  /** A signed address of another service, which rejects requests with a GitLab token. */
  private fromObjectStorage(call: Call, id: number): Answer {
    if (call.headers['job-token'] !== undefined || call.headers['private-token'] !== undefined)
      return { status: 400, body: 'InvalidArgument: Only one auth mechanism allowed' };
    const file = this.options.registry
      .all()
      .flatMap(({ files }) => files)
      .find((each) => each.id === id);
    return file === undefined ? NOT_FOUND : { status: 200, body: file.content };
  }

  private list(call: Call, project: FakeProject): Answer {
    const refused = this.refuse(call, project, 'reporter');
    if (refused !== null) return refused;
    const [name, version] = [call.query.get('package_name') ?? '', call.query.get('package_version')];
    const found = this.options.registry
      .all()
      .filter(({ projectId, status }) => projectId === project.id && status === 'default')
      // A fuzzy search, as in GitLab.
      .filter((each) => each.name.includes(name))
      .filter((each) => version === null || each.version === version);
    const sorted = call.query.get('sort') === 'desc' ? [...found].reverse() : found;
    return page(sorted.map(shownPackage), call.query);
  }

  private one(call: Call, project: FakeProject, [id]: readonly string[]): Answer {
    const refused = this.refuse(call, project, call.method === 'DELETE' ? 'maintainer' : 'reporter');
    if (refused !== null) return refused;
    const found = this.options.registry.byId(project.id, Number(id));
    if (found === undefined) return NOT_FOUND;
    if (call.method !== 'DELETE') return { status: 200, body: shownPackage(found) };
    this.options.registry.remove(found.id);
    return { status: 204 };
  }

  private files(call: Call, project: FakeProject, [id]: readonly string[]): Answer {
    const refused = this.refuse(call, project, 'reporter');
    if (refused !== null) return refused;
    const found = this.options.registry.byId(project.id, Number(id));
    if (found === undefined) return NOT_FOUND;
    return page(
      found.files.map((file) => shownFile(found, file)),
      call.query,
    );
  }

  private file(call: Call, project: FakeProject, [id, fileId]: readonly string[]): Answer {
    const refused = this.refuse(call, project, 'maintainer');
    if (refused !== null) return refused;
    const found = this.options.registry.byId(project.id, Number(id));
    if (!found?.files.some((file) => file.id === Number(fileId))) return NOT_FOUND;
    if (call.method !== 'DELETE') return refusal(405, '405 Not Allowed');
    this.options.registry.removeFile(found.id, Number(fileId));
    return { status: 204 };
  }
}
