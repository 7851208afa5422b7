import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DteError } from '@org/dte-protocol';
import { foreignHint } from './foreign-flags';
import { writeOutputFile } from './output-file';
import { renderStatus } from './status';
import { table } from './table';

describe('foreignHint', () => {
  it("knows flags and commands of the vendor's CLI, and has no hint for others", () => {
    expect(foreignHint("error: unknown option '--assignment-rules=x'")).toMatch(/\.nx\/dte\.yaml/);
    expect(foreignHint("error: unknown command 'login'")).toMatch(/nothing to log in to/);
    expect(foreignHint("error: unknown option '--mine'")).toBe('');
  });
});

describe('the file of --output', () => {
  it('is written into a folder that is made, and an error names it if it cannot be', () => {
    const folder = mkdtempSync(join(tmpdir(), 'dte-output-'));
    try {
      const path = join(folder, 'a/b/report.html');
      writeOutputFile(path, 'text');
      expect(readFileSync(path, 'utf8')).toBe('text');
      const write = (): void => writeOutputFile(join(path, 'x'), 'text');
      expect(write).toThrow(DteError);
      expect(write).toThrow(/report\.html.x cannot be written: E\w+ \(option --output\)/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('table', () => {
  it('aligns columns and leaves no spaces at the end of a line', () => {
    expect(
      table(
        ['a', 'bb'],
        [
          ['xxx', 'y'],
          ['z', ''],
        ],
      ),
    ).toBe('a    bb\nxxx  y\nz');
  });
});

describe('renderStatus', () => {
  it('shows agents, runs, recorded commands and flaky tasks', () => {
    const text = renderStatus({
      sessionId: '7-1',
      state: 'open',
      settings: { stopAgentsAfter: [], stopAgentsOnFailure: false, requireExplicitCompletion: false },
      agents: [
        {
          agentId: 'a',
          name: 'nx-agent 1/3',
          jobUrl: 'https://gitlab.example.com/a/b/-/jobs/42',
          slots: null,
          connected: true,
          draining: false,
          running: ['app:e2e'],
          finished: 3,
        },
      ],
      runs: [
        { runId: 'r', command: 'nx affected', state: 'running', total: 9, done: 4, failed: 1, running: 2 },
      ],
      records: [{ command: 'nx format:check', exitCode: 0, startMs: 0, endMs: 1500 }],
      flaky: [
        { taskId: 'app:e2e', hash: '123', failedAtMs: 1_760_000_000_000, succeededAtMs: 1_760_000_090_000 },
      ],
    });
    expect(text).toMatch(/nx-agent 1\/3\s+connected\s+by run\s+3\s+app:e2e\s+https:\S+\/jobs\/42\n/);
    expect(text).toMatch(/nx affected\s+running\s+4\/9\s+2\s+1/);
    expect(text).toMatch(/nx format:check\s+0\s+1\.5 s/);
    expect(text).toMatch(/app:e2e\s+2025-10-09 08:53\s+2025-10-09 08:54\s+123/);
  });
});
