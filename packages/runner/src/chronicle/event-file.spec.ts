import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ReportEvent } from '@org/dte-report';
import { EventFile, readEvents } from './event-file';

const event = (runId: string): ReportEvent => ({ type: 'run.ended', atMs: 1, runId, ok: true });

describe('the file of events', () => {
  let dataDir: string;
  let failures: unknown[];
  beforeEach(() => {
    dataDir = join(mkdtempSync(join(tmpdir(), 'dte-events-')), 'data');
    failures = [];
  });
  afterEach(() => rmSync(join(dataDir, '..'), { recursive: true }));

  const file = (sessionId = 's1'): EventFile =>
    new EventFile(dataDir, sessionId, (error) => failures.push(error));

  it('keeps the events of several commands, in order, for each session', async () => {
    const first = file();
    for (const runId of ['a', 'b']) first.write(event(runId));
    await first.flush();
    const [second, other] = [file(), file('s2')];
    second.write(event('c'));
    other.write(event('d'));
    await Promise.all([second.flush(), other.flush()]);
    expect(await readEvents(dataDir, 's1')).toEqual(['a', 'b', 'c'].map(event));
    expect(await readEvents(dataDir, 's2')).toEqual([event('d')]);
    expect(await readEvents(dataDir, 's3')).toEqual([]);
    expect(failures).toEqual([]);
  });

  it('is where neither git nor Nx looks: a new file would change the hash of a project at the root', async () => {
    const written = file();
    written.write(event('a'));
    await written.flush();
    expect(readFileSync(join(dataDir, '.gitignore'), 'utf8')).toBe('*\n');
  });

  it('leaves out lines that are not complete or of another version', async () => {
    const written = file();
    written.write(event('a'));
    await written.flush();
    const path = join(dataDir, 'report', 's1.jsonl');
    appendFileSync(path, '{"type":"of a later version"}\n{"type":"run.en');
    expect(await readEvents(dataDir, 's1')).toEqual([event('a')]);
  });

  it('loses nothing of a command behind a line that the one before has not completed', async () => {
    const killed = file();
    killed.write(event('a'));
    await killed.flush();
    appendFileSync(join(dataDir, 'report', 's1.jsonl'), '{"type":"run.en');
    const next = file();
    next.write(event('b'));
    next.write(event('c'));
    await next.flush();
    expect(await readEvents(dataDir, 's1')).toEqual(['a', 'b', 'c'].map(event));
  });

  it('reports that it cannot write once, and goes on without', async () => {
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, 'report'), 'a file, where a folder is needed');
    const broken = file();
    broken.write(event('a'));
    await broken.flush();
    broken.write(event('b'));
    await broken.flush();
    expect(failures).toHaveLength(1);
  });
});
