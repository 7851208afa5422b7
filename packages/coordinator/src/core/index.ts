// `@org/dte-coordinator/core`: one session with its driver and its journal, without HTTP and WebSockets. The simulation runs this
// code, and nothing else imports it: what it offers may change at any time.
export type { ArtifactKey, ArtifactStore } from '../artifacts/artifact-store';
export type { FileSystem } from '../files/file-system';
export { MemoryDurationHistory } from '../history/memory-durations';
export { MemoryTaskHistory } from '../history/memory-history';
export { FileJournalStore } from '../journal/file-journal';
export type { Journal, JournalEntry, JournalHeader } from '../journal/journal';
export { type JournaledInput } from '../session/journaled-input';
export type { Member } from '../session/member';
export type { Peer } from '../session/peer';
export { Session } from '../session/session';
export { SessionDurations } from '../session/session-durations';
export { SessionHistory } from '../session/session-history';
