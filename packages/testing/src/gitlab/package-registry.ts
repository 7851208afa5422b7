/** One stored file. A package may contain several with the same name; the newest is downloaded. */
export interface FakePackageFile {
  readonly id: number;
  readonly name: string;
  readonly content: string;
  readonly createdAtMs: number;
  /** Of the job that has stored it; null: a person has, or nobody knows its pipeline. */
  readonly pipelineId: number | null;
}

export interface FakePackage {
  readonly id: number;
  readonly projectId: number;
  readonly name: string;
  readonly version: string;
  /** Hidden packages can be downloaded, but are neither listed nor found by id. */
  readonly status: 'default' | 'hidden';
  readonly createdAtMs: number;
  readonly files: readonly FakePackageFile[];
}

export type PackagePath = Pick<FakePackage, 'projectId' | 'name' | 'version'>;

/** The generic packages of all projects. The caller checks permissions. */
export class FakePackageRegistry {
  private packages: readonly FakePackage[] = [];
  private nextId = 1;

  constructor(private readonly now: () => number) {}

  all(): readonly FakePackage[] {
    return this.packages;
  }

  find(path: PackagePath): FakePackage | undefined {
    return this.packages.find(
      ({ projectId, name, version }) =>
        projectId === path.projectId && name === path.name && version === path.version,
    );
  }

  byId(projectId: number, id: number): FakePackage | undefined {
    return this.packages.find(
      (each) => each.projectId === projectId && each.id === id && each.status === 'default',
    );
  }

  put(
    path: PackagePath,
    {
      status,
      ...stored
    }: Pick<FakePackageFile, 'name' | 'content' | 'pipelineId'> & Pick<FakePackage, 'status'>,
  ): FakePackageFile {
    const createdAtMs = this.now();
    const existing = this.find(path);
    const file = { id: this.nextId++, ...stored, createdAtMs };
    const files = [...(existing?.files ?? []), file];
    const { id, createdAtMs: since } = existing ?? { id: this.nextId++, createdAtMs };
    const others = this.packages.filter((each) => each !== existing);
    this.packages = [...others, { ...path, id, createdAtMs: since, status, files }].sort(
      (a, b) => a.id - b.id,
    );
    return file;
  }

  newest(path: PackagePath, fileName: string): FakePackageFile | undefined {
    return this.find(path)
      ?.files.filter(({ name }) => name === fileName)
      .at(-1);
  }

  remove(id: number): void {
    this.packages = this.packages.filter((each) => each.id !== id);
  }

  removeFile(id: number, fileId: number): void {
    this.packages = this.packages.map((each) =>
      each.id === id ? { ...each, files: each.files.filter((file) => file.id !== fileId) } : each,
    );
  }
}
