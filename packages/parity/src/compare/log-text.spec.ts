import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { logText, sameLines } from './log-text';

/** What tools have printed in two runs of the same tests or build, of which one had a slow test. */
const CAPTURED = join(__dirname, '../../test/tool-output');
const tools = [...new Set(readdirSync(CAPTURED).map((name) => name.split('.')[0] ?? ''))];
const captured = (tool: string, run: 1 | 2): string =>
  readFileSync(join(CAPTURED, `${tool}.${run}.txt`), 'utf8');

const same = (left: string, right: string): boolean => sameLines(logText(left), logText(right));

describe('logs of two runs', () => {
  it.each(tools)('of %s are the same, whatever the durations that it prints', (tool) => {
    const [one, other] = [captured(tool, 1), captured(tool, 2)];
    expect(one).not.toBe(other);
    expect({ tool, same: same(one, other), left: logText(one), right: logText(other) }).toMatchObject({
      same: true,
    });
  });

  it.each(tools)('of %s are different if a number that is no time is', (tool) => {
    const text = captured(tool, 1);
    const changed = text.replace(
      /\b(\d+) (passed|passing|modules|total|pass)\b/,
      (_, count: string, word: string) => `${Number(count) + 1} ${word}`,
    );
    expect(same(text, changed)).toBe(text === changed);
  });

  it.each([
    [
      'Angular',
      'Application bundle generation complete. [29.906 seconds] - 2026-01-02T03:04:05.678Z',
      'Application bundle generation complete. [3.1 seconds] - 2026-01-02T04:04:05.678Z',
    ],
    [
      'Nx',
      'Successfully ran target build for 3 projects and 2 tasks they depend on (12s)',
      'Successfully ran target build for 3 projects and 2 tasks they depend on (1m 3s)',
    ],
    ['jest, a slow file', 'PASS src/a.spec.ts (6.123 s)', 'PASS src/a.spec.ts'],
    [
      'cypress',
      '  │ Duration:     3 seconds                  │\n  │ ✔  app.cy.ts          00:03        1 │',
      '  │ Duration:     1 minute, 12 seconds       │\n  │ ✔  app.cy.ts          01:12        1 │',
    ],
    [
      'gradle',
      'Starting a Gradle Daemon (subsequent builds will be faster)\n\nBUILD SUCCESSFUL in 3s\n',
      '\nBUILD SUCCESSFUL in 1m 2s\n',
    ],
    [
      'maven',
      '[INFO] Downloading from central: https://x/y.pom\n[INFO] lib SUCCESS [  1.234 s]\n[INFO] Total time:  1.300 s\n[INFO] Finished at: 2026-01-02T03:04:05+01:00',
      '[INFO] lib SUCCESS [ 12.001 s]\n[INFO] Total time:  01:05 min\n[INFO] Finished at: 2026-01-02T03:04:59+01:00',
    ],
    ['Nx with npm notices', 'npm notice New major version of npm available!\ndone', 'done'],
    ['ports and process ids', '(node:123) on http://localhost:43211/', '(node:7) on http://localhost:50001/'],
  ])('of %s are the same', (_tool, left, right) => {
    expect(same(left, right)).toBe(true);
  });

  it.each([
    ['a failed test', '  ✓ adds (1 ms)', '  ✕ adds (1 ms)'],
    ['another number', '34 modules transformed', '35 modules transformed'],
    ['another size', 'main.js 3.15 KiB', 'main.js 3.16 KiB'],
    ['another version', 'vite v6.4.6 building', 'vite v6.4.7 building'],
    ['a fixed port', 'http://localhost:4200/', 'http://localhost:4300/'],
    ['another place', '  10:31  error  Unexpected var', '  10:32  error  Unexpected var'],
    ['another place in a file', 'src/a.ts:12:31 - error', 'src/a.ts:12:41 - error'],
    ['a line more', 'a\nb', 'a\nb\nb'],
    ['another name in brackets', 'runs (fast)', 'runs (slow)'],
  ])('are different with %s', (_what, left, right) => {
    expect(same(left, right)).toBe(false);
  });

  it('are the same in another order, in another folder and in other colours', () => {
    const [here, there] = ['/m/plain/workspace', '/m/agent-1/workspace'];
    const folders = {
      [here]: '<workspace>',
      [there]: '<workspace>',
      '/m/plain': '<machine>',
      '/m/agent-1': '<machine>',
    };
    const left = logText(`\u001b[32mPASS\u001b[39m ${here}/a\nPASS /m/plain/home/b`, folders);
    const right = logText(`PASS /m/agent-1/home/b\nPASS ${there}/a`, folders);
    expect(sameLines(left, right)).toBe(true);
  });
});
