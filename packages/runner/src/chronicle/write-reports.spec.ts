import type { ReportEvent } from '@org/dte-report';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventFile } from './event-file';
import { readModel, writeReports } from './write-reports';

describe('the reports of a main job', () => {
  it('are written again after each command, and leave nothing else behind', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'dte-reports-'));
    try {
      const file = new EventFile(dataDir, 's1', (error) => {
        throw error;
      });
      const run: ReportEvent = { type: 'run', atMs: 1, runId: 'r1', command: 'nx', parallel: 1, tasks: [] };
      file.write(run);
      await file.flush();
      expect((await readModel(dataDir, 's1')).runs).toMatchObject([{ runId: 'r1' }]);
      const job = { artifactsUrl: 'https://g/-/jobs/7/artifacts/file', projectDir: dataDir };
      for (let command = 0; command < 2; command++) await writeReports({ dataDir, sessionId: 's1', job });
      expect(readdirSync(join(dataDir, 'report')).sort()).toEqual([
        'annotations.json',
        'dte-report.html',
        'junit.xml',
        's1.jsonl',
        'trace.json',
      ]);
      writeFileSync(join(dataDir, 'report', 'log.txt'), '');
      await writeReports({ dataDir, sessionId: 's1', job });
      expect(JSON.parse(readFileSync(join(dataDir, 'report', 'annotations.json'), 'utf8'))).toEqual({
        dte: [
          {
            external_link: {
              label: 'Report of the Nx tasks',
              url: 'https://g/-/jobs/7/artifacts/file/report/dte-report.html',
            },
          },
          {
            external_link: {
              label: 'Log of the Nx tasks',
              url: 'https://g/-/jobs/7/artifacts/file/report/log.txt',
            },
          },
        ],
      });
    } finally {
      rmSync(dataDir, { recursive: true });
    }
  });

  it('are not there without a distributed command', async () => {
    const dataDir = join(tmpdir(), 'dte-no-reports');
    await writeReports({ dataDir, sessionId: 's1', job: null });
    expect(existsSync(dataDir)).toBe(false);
  });
});
