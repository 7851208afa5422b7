import { reportEventSchema, type ReportEvent } from '@org/dte-report';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AppendedFile } from './appended-file';
import { reportFolderOf } from './report-folder';

/**
 * Bytes of events of one session; what comes after is left out. Not configurable: 10,000 tasks take about 15 MB, and a report
 * reads all of it into memory.
 */
const MAX_BYTES = 200 * 1024 * 1024;

const eventFileOf = (dataDir: string, sessionId: string): string =>
  join(reportFolderOf(dataDir), `${sessionId}.jsonl`);

/** The events of a session, a line each. */
export class EventFile {
  private readonly file: AppendedFile;
  private isBegun = false;

  constructor(dataDir: string, sessionId: string, onFailed: (error: unknown) => void) {
    const path = eventFileOf(dataDir, sessionId);
    this.file = new AppendedFile({ dataDir, path, maxBytes: MAX_BYTES, onFailed });
  }

  write(event: ReportEvent): void {
    // The command before may have been killed, or the disk full, in the middle of a line.
    const begin = this.isBegun ? '' : '\n';
    this.isBegun = true;
    this.file.write(`${begin}${JSON.stringify(event)}\n`);
  }

  /** Resolves when everything written so far is in the file, or never will be. */
  flush(): Promise<void> {
    return this.file.flush();
  }
}

/**
 * All events of a session, the oldest first; none if it has no file. Lines that are incomplete (the disk was full) or of another
 * version are left out.
 */
export async function readEvents(dataDir: string, sessionId: string): Promise<ReportEvent[]> {
  const text = await readIfThere(eventFileOf(dataDir, sessionId));
  return text.split('\n').flatMap((line) => {
    const event = parseEvent(line);
    return event === null ? [] : [event];
  });
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw thrown;
  }
}

function parseEvent(line: string): ReportEvent | null {
  try {
    return reportEventSchema.parse(JSON.parse(line));
  } catch {
    return null;
  }
}
