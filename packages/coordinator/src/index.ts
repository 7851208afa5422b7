export {
  type Coordinator,
  type CoordinatorOptions,
  createCoordinator,
  type SessionSummary,
} from './coordinator';
export type { IdTokenOptions } from './auth/pipeline-door';
export type { TlsKey } from './http/transport';
export type {
  ArtifactKey,
  ArtifactStore,
  PutOptions,
  Receipt,
  StoredArtifact,
} from './artifacts/artifact-store';
export { FileArtifactStore } from './artifacts/file-artifact-store';
export { MemoryArtifactStore } from './artifacts/memory-artifact-store';
export type { FileSystem } from './files/file-system';
export type { Evidence, TaskHistory } from './history/history';
export { FileJournalStore, type FileJournalOptions } from './journal/file-journal';
export type { Journal, JournalEntry, JournalHeader, JournalStore } from './journal/journal';
export { boundedFile } from './log/bounded-file';
export { createLog, type LogLevel } from './log/create-log';
export { MemoryJournalStore } from './journal/memory-journal';
export { removeUnusedFolders, type UnusedFolders } from './lock/unused-folders';
