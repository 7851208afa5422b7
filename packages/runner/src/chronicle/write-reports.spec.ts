import type { ReportEvent } from '@org/dte-report';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
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
      await writeReports(dataDir, 's1');
      await writeReports(dataDir, 's1');
      expect(readdirSync(join(dataDir, 'report')).sort()).toEqual(['junit.xml', 's1.jsonl']);
    } finally {
      rmSync(dataDir, { recursive: true });
    }
  });
});
