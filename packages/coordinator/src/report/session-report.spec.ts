import { readLimits } from '@org/dte-protocol';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeFileSystem } from '../files/file-system';
import { SessionReport } from './session-report';
import type { Step } from './translation';

describe('the report of a session that runs', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dte-report-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('ends with a fault of its own, told once, and the session goes on', async () => {
    const failures: unknown[] = [];
    const report = await SessionReport.open({
      name: '7-1001',
      folder,
      fs: nodeFileSystem,
      limits: readLimits({}).limits,
      now: () => 1_000,
      onFailed: (thrown) => failures.push(thrown),
    });
    const unreadable = {} as Step;

    expect(() => report.step(unreadable)).not.toThrow();
    report.step(unreadable);

    expect(failures).toEqual([expect.any(TypeError)]);
    expect(report.now.model.sessionId).toBe('7-1001');
  });
});
