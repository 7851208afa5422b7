import { appendFile, mkdir, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeDataFolder } from '../data-folder/data-folder';
import { reportEventSchema, type ReportEvent } from '@org/dte-report';

/**
 * Bytes of events of one session; what comes after is left out. Not configurable: 10,000 tasks take about 15 MB, and a report
 * reads all of it into memory.
 */
const MAX_BYTES = 200 * 1024 * 1024;

/** Where the reports of a main job are, below its data folder. */
export const reportFolderOf = (dataDir: string): string => join(dataDir, 'report');

const eventFileOf = (dataDir: string, sessionId: string): string =>
  join(reportFolderOf(dataDir), `${sessionId}.jsonl`);

/**
 * The events of a session, a line each. Several nx commands of one main job append to the same file. Writing is in the background
 * and never fails a command: the first error is reported, and nothing is written after it.
 */
export class EventFile {
  private readonly path: string;
  private waiting: string[] = [];
  private bytes: number | null = null;
  private writing: Promise<void> | null = null;
  private broken = false;

  constructor(
    private readonly dataDir: string,
    sessionId: string,
    private readonly onFailed: (error: unknown) => void,
  ) {
    this.path = eventFileOf(dataDir, sessionId);
  }

  write(event: ReportEvent): void {
    if (this.broken) return;
    this.waiting.push(`${JSON.stringify(event)}\n`);
    this.writing ??= this.drain();
  }

  /** Resolves when everything written so far is in the file, or never will be. */
  async flush(): Promise<void> {
    while (this.writing !== null) await this.writing;
  }

  private async drain(): Promise<void> {
    try {
      while (this.waiting.length > 0) {
        const text = this.waiting.join('');
        this.waiting = [];
        await this.append(text);
      }
    } catch (thrown) {
      this.broken = true;
      this.waiting = [];
      this.onFailed(thrown);
    } finally {
      this.writing = null;
    }
  }

  private async append(text: string): Promise<void> {
    if (this.bytes === null) {
      makeDataFolder(this.dataDir);
      await mkdir(dirname(this.path), { recursive: true });
      this.bytes = await sizeOf(this.path);
    }
    this.bytes += Buffer.byteLength(text);
    if (this.bytes <= MAX_BYTES) await appendFile(this.path, text, { mode: 0o600 });
  }
}

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

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
