import { type FlakyTask, LIMITS } from '@org/dte-protocol';
import { type FileSystem, nodeFileSystem } from '../files/file-system';
import type { HistoryLimits } from './evidence-book';
import type { Evidence, TaskHistory } from './history';
import { ProjectFile } from './project-file';

export interface FileTaskHistoryOptions {
  readonly limits: HistoryLimits;
  readonly fs?: FileSystem;
  /** Hears of what was left out of a file, and of files started again. */
  readonly onDamage?: (message: string) => void;
}

/**
 * Histories as files of lines, `<root>/<project>.ndjson`, to which several coordinators may write (shell runners whose jobs
 * share a folder); `<root>` is what a CI system keeps between pipelines.
 */
export class FileTaskHistory implements TaskHistory {
  private readonly projects = new Map<string, ProjectFile>();
  private readonly busy = new Map<string, Promise<unknown>>();

  constructor(
    private readonly root: string,
    private readonly options: FileTaskHistoryOptions,
  ) {}

  /** @throws DteError DTE_DISK_FULL, or what the disk says */
  note(project: string, evidence: readonly Evidence[]): Promise<void> {
    return this.inTurn(project, (file) => file.append(evidence));
  }

  flaky(project: string, nowMs: number): Promise<readonly FlakyTask[]> {
    return this.inTurn(project, (file) => file.flaky(nowMs));
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.busy.values());
  }

  /** One thing at a time on each file. */
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
    // Least recently used first; one that is at work stays.
    this.projects.delete(project);
    for (const known of this.projects.keys()) {
      if (this.projects.size < LIMITS.historyProjects.value) break;
      if (!this.busy.has(known)) this.projects.delete(known);
    }
    this.projects.set(project, file);
    return file;
  }
}
