import { type FlakyTask, LIMITS } from '@org/dte-protocol';
import { type FileSystem, nodeFileSystem } from '../files/file-system';
import type { HistoryLimits } from './evidence-book';
import type { Evidence, TaskHistory } from './history';
import { ProjectFile } from './project-file';

export interface FileTaskHistoryOptions {
  readonly limits: HistoryLimits;
  readonly fs?: FileSystem;
  /** Called with the number of skipped lines of a file, and when a file is started again. */
  readonly onDamage?: (message: string) => void;
}

/**
 * Histories as files of lines, `<root>/<project>.ndjson`. Several coordinators may write to one file (shell runners
 * whose jobs share a folder). A CI system keeps `<root>` between pipelines.
 */
export class FileTaskHistory implements TaskHistory {
  private readonly projects = new Map<string, ProjectFile>();
  private readonly busy = new Map<string, Promise<unknown>>();

  constructor(
    private readonly root: string,
    private readonly options: FileTaskHistoryOptions,
  ) {}

  /** @throws DteError DTE_DISK_FULL, or the error of the disk */
  note(project: string, evidence: readonly Evidence[]): Promise<void> {
    return this.inTurn(project, (file) => file.append(evidence));
  }

  flaky(project: string, nowMs: number): Promise<readonly FlakyTask[]> {
    return this.inTurn(project, (file) => file.flaky(nowMs));
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.busy.values());
  }

  /** One operation at a time on each file. */
  private async inTurn<T>(project: string, work: (file: ProjectFile) => Promise<T>): Promise<T> {
    const before = this.busy.get(project) ?? Promise.resolve();
    const file = this.fileOf(project);
    const turn = before.then(
      () => work(file),
      () => work(file),
    );
    this.busy.set(project, turn);
    try {
      return await turn;
    } finally {
      if (this.busy.get(project) === turn) this.busy.delete(project);
    }
  }

  private fileOf(project: string): ProjectFile {
    const { limits, fs = nodeFileSystem, onDamage = () => undefined } = this.options;
    const file =
      this.projects.get(project) ?? new ProjectFile({ root: this.root, project, limits, fs, onDamage });
    // Least recently used first; a file in use stays.
    this.projects.delete(project);
    for (const known of this.projects.keys()) {
      if (this.projects.size < LIMITS.historyProjects.value) break;
      if (!this.busy.has(known)) this.projects.delete(known);
    }
    this.projects.set(project, file);
    return file;
  }
}
