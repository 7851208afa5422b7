import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { artifactUrl, beginReports, reportFolderOf } from './report-folder';

describe('the folder of the reports', () => {
  let dataDir: string;
  beforeEach(() => (dataDir = mkdtempSync(join(tmpdir(), 'dte-report-folder-'))));
  afterEach(() => rmSync(dataDir, { recursive: true }));

  const leave = (): string => {
    const path = join(reportFolderOf(dataDir), 'junit.xml');
    mkdirSync(reportFolderOf(dataDir), { recursive: true });
    writeFileSync(path, 'results');
    return path;
  };

  it('keeps what earlier commands of the job have written, and nothing of another job', () => {
    const path = leave();
    beginReports(dataDir, { id: '1' });
    expect(existsSync(path)).toBe(false);
    leave();
    beginReports(dataDir, { id: '1' });
    expect(existsSync(path)).toBe(true);
    beginReports(dataDir, { id: '2' });
    expect(existsSync(path)).toBe(false);
  });

  it('stays as it is outside CI', () => {
    const path = leave();
    beginReports(dataDir, null);
    beginReports(dataDir, { id: null });
    expect(existsSync(path)).toBe(true);
  });
});

it('a file has an address only if it can be an artifact', () => {
  const job = { artifactsUrl: 'https://g/a/-/jobs/7/artifacts/file', projectDir: '/builds/a' };
  expect(artifactUrl(job, '/builds/a/apps/web #1/x.html')).toBe(
    'https://g/a/-/jobs/7/artifacts/file/apps/web%20%231/x.html',
  );
  expect(artifactUrl(job, '/builds/other/x.html')).toBeNull();
  expect(artifactUrl(null, '/builds/a/x.html')).toBeNull();
  expect(artifactUrl({ ...job, artifactsUrl: null }, '/builds/a/x.html')).toBeNull();
});
