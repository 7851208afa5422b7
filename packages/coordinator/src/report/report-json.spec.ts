import { readLimits } from '@org/dte-protocol';
import { foldEvents, type ReportEvent, type SessionModel } from '@org/dte-report';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { nodeFileSystem } from '../files/file-system';
import { loadReport } from './report-file';
import { jsonOf } from './report-json';
import { ReportText } from './report-text';
import { SessionReport } from './session-report';

const run = (runId: string, count: number): ReportEvent => ({
  type: 'run',
  atMs: 1,
  runId,
  command: 'nx "affected"',
  parallel: 1,
  tasks: Array.from({ length: count }, (_, at) => ({
    id: `app${at}:build`,
    project: `app${at}`,
    target: 'build',
    configuration: null,
    dependencies: [],
    hash: null,
    cacheable: true,
    expectedMs: null,
  })),
});
const message = (text: string): ReportEvent => ({
  type: 'message',
  atMs: 2,
  reason: { code: 'DTE_NO_AGENTS', message: text },
});

/** Turns of the event loop that others had until this has ended. */
async function turnsDuring(action: Promise<unknown>): Promise<number> {
  let [turns, over] = [0, false];
  const end = action.finally(() => (over = true));
  while (!over) {
    turns += 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await end;
  return turns;
}

describe('the JSON of a report', () => {
  it.each([
    ['without commands', []],
    ['without tasks', [run('r1', 0)]],
    ['with several commands', [run('r1', 2_001), run('r2', 1), run('r3', 1_000), message('"\n')]],
  ])('is that of its model, %s', async (_, events) => {
    const now = { seq: 7, model: foldEvents(events) };
    expect(JSON.parse((await jsonOf(now)).json.toString())).toEqual(JSON.parse(JSON.stringify(now)));
  });

  it('leaves the event loop to others while a large one is made', async () => {
    const now = { seq: 7, model: foldEvents([run('r1', 20_000)]) };
    expect(await turnsDuring(jsonOf(now))).toBeGreaterThan(20);
  });
});

describe('a report that is read and stored while it goes on', () => {
  let folder: string;
  let report: SessionReport;
  const tell = (...events: ReportEvent[]): void => report.take({ sentAtMs: 10, events }, 10);

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'dte-report-'));
    const { limits } = readLimits({});
    report = await SessionReport.open({ name: '7-1', folder, fs: nodeFileSystem, limits, now: () => 1 });
    tell(run('r1', 5_000));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('has in each of them what was known when it began, and afterwards everything', async () => {
    const text = new ReportText().of(report);
    const saved = report.save();
    // Lets the first of them begin.
    await new Promise((resolve) => setImmediate(resolve));
    tell(message('while it is read'));
    expect(report.now.model.messages).toEqual([]);
    const read = JSON.parse((await promisify(gunzip)(await text)).toString()) as { model: SessionModel };
    expect([read.model.messages, read.model.runs[0]?.tasks.length]).toEqual([[], 5_000]);
    await saved;
    tell(message('at the end'));
    await Promise.all([report.save(), report.close()]);
    const stored = await loadReport(nodeFileSystem, folder);
    expect(stored?.model).toEqual(report.now.model);
    expect(stored?.model.messages.map(({ reason }) => reason.message)).toEqual([
      'while it is read',
      'at the end',
    ]);
    expect(stored?.model.runs[0]?.tasks).toHaveLength(5_000);
  });

  it('goes on after a restart with what comes while its tasks are still to be read', async () => {
    tell(message('before'));
    await report.close();
    const { limits } = readLimits({});
    const failures: unknown[] = [];
    const onFailed = (thrown: unknown): void => void failures.push(thrown);
    const next = await SessionReport.open({
      name: '7-1',
      folder,
      fs: nodeFileSystem,
      limits,
      now: () => 2,
      onFailed,
    });
    next.take({ sentAtMs: 10, events: [message('meanwhile')] }, 10);
    const catchingUp = next.catchUp();
    next.take({ sentAtMs: 10, events: [message('while it is read')] }, 10);
    await Promise.all([catchingUp, next.catchUp(), next.close()]);

    const stored = await loadReport(nodeFileSystem, folder);
    expect(stored?.model).toEqual(next.now.model);
    expect(stored?.model.messages.map(({ reason }) => reason.message)).toEqual([
      'before',
      'meanwhile',
      'while it is read',
    ]);
    expect(stored?.model.runs[0]?.tasks).toHaveLength(5_000);
    expect(failures).toEqual([]);
  });

  it('says that it is incomplete if what is stored of its tasks is damaged', async () => {
    await report.close();
    const path = join(folder, 'report.jsonl');
    const lines = readFileSync(path, 'utf8').split('\n');
    writeFileSync(path, [...lines.slice(0, 3), '{"run":0,"tasks":[{}]}', ''].join('\n'));
    const { limits } = readLimits({});
    const failures: unknown[] = [];
    const onFailed = (thrown: unknown): void => void failures.push(thrown);
    const options = { name: '7-1', folder, fs: nodeFileSystem, limits, now: () => 2, onFailed };
    const next = await SessionReport.open(options);
    next.take({ sentAtMs: 10, events: [message('meanwhile')] }, 10);
    await next.catchUp();

    expect(failures).toHaveLength(1);
    expect(next.now.model.runs[0]?.tasks).toHaveLength(2_000);
    expect(next.now.model.messages.map(({ reason }) => reason.code)).toEqual([
      'DTE_REPORT_PARTIAL',
      'DTE_NO_AGENTS',
    ]);
  });

  it('is stored once more at the end if it went on while it was stored', async () => {
    const saved = report.save();
    await new Promise((resolve) => setImmediate(resolve));
    tell(message('late'));
    await Promise.all([saved, report.close()]);
    expect((await loadReport(nodeFileSystem, folder))?.model.messages).toHaveLength(1);
  });

  it('makes one text for all who ask while it is made', async () => {
    const texts = new ReportText();
    expect(texts.of(report)).toBe(texts.of(report));
    await report.close();
  });
});
