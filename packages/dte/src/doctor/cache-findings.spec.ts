import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cacheFindings } from './cache-findings';

const mockMissing = jest.fn<unknown, [string]>(() => null);
jest.mock('@org/dte-cache', () => ({ missingSdk: (root: string) => mockMissing(root) }));

describe('what the doctor says about the shared cache', () => {
  let folder = '';
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'dte-doctor-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is nothing without one, and nothing is looked for', async () => {
    expect(await cacheFindings({ cache: 'none' }, folder)).toEqual([]);
    expect(mockMissing).not.toHaveBeenCalled();
  });

  it('is which bucket it is', async () => {
    expect(await cacheFindings({ cache: 's3', s3Bucket: 'ci-cache' }, folder)).toEqual([
      { level: 'ok', text: 'results are shared in the bucket ci-cache' },
    ]);
  });

  it('is what is missing, with the command that installs it', async () => {
    mockMissing.mockReturnValueOnce({ why: 'a package is missing', install: 'npm install x' });
    expect(await cacheFindings({ cache: 's3' }, folder)).toEqual([
      expect.objectContaining({ level: 'stop', cure: 'Set DTE_S3_BUCKET, or s3Bucket in nx.json.' }),
      { level: 'stop', text: 'no coordinator starts: a package is missing', cure: 'Run: npm install x' },
    ]);
  });
});
