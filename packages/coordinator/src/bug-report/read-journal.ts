import type { FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { sessionIdOf } from '@org/dte-identity';
import { DteError, LIMITS, type RunSpec } from '@org/dte-protocol';
import type { SessionModel } from '@org/dte-report';
import { createState, step } from '@org/dte-scheduler';
import { type FileSystem, isNotFound, nodeFileSystem, systemCode } from '../files/file-system';
import { entriesStart, readSnapshot } from '../journal/compacted-file';
import { linesOf } from '../journal/file-journal';
import { type FirstLine, parseEntry, parseFirstLine } from '../journal/journal-lines';
import { schedulerConfig } from '../session/driver';
import { fromJournal } from '../session/journaled-input';
import { RunSpecStore } from '../session/run-specs';
import { decodeSnapshot } from '../session/snapshot';
import { SessionReport } from '../report/session-report';

const FILE = 'journal.jsonl';

/** A journal that is only read: nothing is cut, completed or locked. */
interface OpenJournal {
  readonly path: string;
  /** With the specs of its runs. */
  readonly folder: string;
  readonly handle: FileHandle;
}

/**
 * The report of a session from its journal, as in a bug report; neither the journal nor anything next to it changes. A stored
 * report next to it is used as well: it has what only the main job knew. Of a journal that is damaged, the report has what
 * happened before the damage, and says so.
 * @param path the folder of a session, or the journal in it
 * @throws DteError DTE_NO_REPORT (there is no journal), DTE_JOURNAL_CORRUPT (not even its beginning can be read)
 */
export async function readJournalReport(path: string): Promise<SessionModel> {
  const fs = nodeFileSystem;
  const journal = await open(fs, path);
  try {
    return await replay(fs, journal);
  } finally {
    await journal.handle.close();
  }
}

async function open(fs: FileSystem, path: string): Promise<OpenJournal> {
  try {
    const isFolder = (await fs.stat(path)).isDirectory();
    const file = isFolder ? join(path, FILE) : path;
    return { path: file, folder: dirname(file), handle: await fs.open(file, 'r') };
  } catch (thrown) {
    if (!isNotFound(thrown) && systemCode(thrown) !== 'ENOTDIR') throw thrown;
    throw new DteError(
      'DTE_NO_REPORT',
      `There is no journal at ${path}: name the folder of a session (it contains ${FILE}), or that file.`,
      { cause: thrown },
    );
  }
}

async function replay(fs: FileSystem, { path, folder, handle }: OpenJournal): Promise<SessionModel> {
  const { size } = await handle.stat();
  const { header, snapshot, end } = await head(handle, path, size);
  const name = sessionIdOf(header.sessionId);
  const runs = new RunSpecStore(fs, folder, LIMITS.runSpecBytes.value);
  const specOf = async (runId: string): Promise<RunSpec> => (await runs.read(runId)).spec;
  const failures: string[] = [];
  const onFailed = (thrown: unknown): void => void failures.push(DteError.from(thrown).message);
  const report = await SessionReport.open({ name, folder, fs, now: Date.now, limits: LIMITS_HERE, onFailed });
  let state = createState(schedulerConfig({ header }), name);
  if (snapshot !== null) {
    const image = await decodeSnapshot(await readSnapshot(handle, path, end, snapshot), folder);
    state = image.state;
    await report.resume(state, specOf);
  }
  let number = 1;
  try {
    for await (const line of linesOf(handle, entriesStart(end, snapshot), size)) {
      number += 1;
      const entry = parseEntry(line.text, basename(path), number);
      const input = await fromJournal(entry, specOf);
      const effects = step(state, input, entry.atMs);
      report.step({ state, input, effects, atMs: entry.atMs });
    }
  } catch (thrown) {
    // Nothing goes on from here as a session would: what happened before is what a report can still tell.
    const { code } = DteError.from(thrown);
    if (code !== 'DTE_JOURNAL_CORRUPT') throw thrown;
    onFailed(thrown);
  }
  await report.catchUp();
  const { model } = report.now;
  for (const why of failures)
    model.messages.push({
      atMs: state.nowMs,
      reason: { code: 'DTE_REPORT_PARTIAL', message: `This report is not complete: ${why}` },
    });
  return model;
}

async function head(
  handle: FileHandle,
  path: string,
  size: number,
): Promise<FirstLine & { readonly end: number }> {
  for await (const line of linesOf(handle, 0, size))
    return { ...parseFirstLine(line.text, path), end: line.end };
  return { ...parseFirstLine('', path), end: 0 };
}

/** It is read once and printed: all of it, however large. */
const LIMITS_HERE = {
  reportBytes: Number.MAX_SAFE_INTEGER,
  reportRecentBytes: 0,
  liveOutputBytes: 0,
  liveOutputTotalBytes: 0,
};
