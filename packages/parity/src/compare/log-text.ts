import { stripVTControlCharacters } from 'node:util';
import { foldersOut } from './folders';

type Rule = readonly [pattern: RegExp, by: string];

/** A number with its unit, or several: `1m 3s`, `[29.906 seconds]`, `3 min 2 s`, `<1ms`, `1,234 ms`. */
const UNIT = String.raw`(?:milliseconds?|seconds?|secs?|minutes?|mins?|hours?|ms|µs|μs|ns|s|m|h)`;
const AMOUNT = String.raw`<?\d+(?:[.,]\d+)*\s?${UNIT}\b`;
const AMOUNTS = new RegExp(String.raw`(?<![\w.<-])${AMOUNT}(?:(?:,? and |,\s*|\s)?${AMOUNT})*`, 'g');

/** Moments and durations, and what else is different each time a tool runs. The order matters. */
const RULES: readonly Rule[] = [
  [/\r\n/g, '\n'],
  // A progress line that was rewritten: its last state remains.
  [/^.*\r(?=[^\n])/gm, ''],
  [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?([.,]\d+)?( ?(Z|[+-]\d\d:?\d\d))?/g, '<time>'],
  [/(?<![\w:.])\d{1,2}:\d\d:\d\d([.,]\d+)?( ?[AP]M\b)?/g, '<time>'],
  // `00:03` of cypress, `01:05 min` of maven; not `10:31` at the beginning of a line, where eslint prints a place.
  [/(?<=\S[ \t]+)\d\d:\d\d(?![:\d])( min\b)?/g, '<time>'],
  // node:test and TAP reporters.
  [/\bduration_ms:?\s+\d+(\.\d+)?/g, 'duration_ms <time>'],
  [AMOUNTS, '<time>'],
  // jest prints an estimate only if it has one of an earlier run.
  [/, estimated <time>/g, ''],
  // jest, mocha, playwright and cypress print the time of a test only if it was slow.
  [/ ?[([]<time>[)\]]$/gm, ''],
  // vitest prints a test that passed only if it was slow, and the time of a file's tests after their number.
  [/^[ \t]{2,}[✓√] .* <time>\n/gm, ''],
  [/^(\s*[✓√✔].*) <time>$/gm, '$1'],
  // playwright.
  [/^\s*Slow test file: .*\n(\s*Consider (running tests from|splitting) slow .*\n?)?/gm, ''],
  // eslint with TIMING, whose rules are sorted by time.
  [/^\S+\s*\|\s*\d+(\.\d+)?\s*\|\s*\d+(\.\d+)?%\s*\n?/gm, ''],
  [/^:?-+:?(\|:?-+:?)+\n?/gm, ''],
  // tsc --diagnostics, jest --logHeapUsage.
  [/\b(Memory used):?\s+\d+K/g, '$1 <memory>'],
  [/ ?\(\d+ MB heap size\)/g, ''],
  // gradle and maven.
  [/^(Starting a Gradle Daemon|Daemon will be stopped|To honour the JVM settings).*\n?/gm, ''],
  [/^(\[INFO\] )?Download(ing|ed) from .*\n?/gm, ''],
  // npm and Nx look for a newer version of themselves now and then.
  [/^npm notice.*\n?/gm, ''],
  [/\(node:\d+\)/g, '(node:<pid>)'],
  [/\b(pid:?) \d+/gi, '$1 <pid>'],
  // A port that the system has chosen.
  [/\b(localhost|127\.0\.0\.1|\[::1\]):(3[2-9]|[45]\d|6[0-5])\d{3}\b/g, '$1:<port>'],
  // Boxes and columns are as wide as the numbers in them.
  [/[ \t]+$/gm, ''],
  [/(\S)[ \t]{2,}/g, '$1 '],
];

/**
 * What a tool has printed without what differs each time: moments, durations, process ids, ports that the system chose,
 * colours, and the machine's folders.
 * @param folders absolute path -> its replacement
 */
export function logText(text: string, folders: Readonly<Record<string, string>> = {}): string {
  let result = foldersOut(stripVTControlCharacters(text), folders);
  for (const [pattern, by] of RULES) result = result.replaceAll(pattern, by);
  return result;
}

/** Whether two texts have the same lines, except for empty ones: workers of jest and of other tools end in any order. */
export function sameLines(left: string, right: string): boolean {
  if (left === right) return true;
  const sorted = (text: string): string =>
    text
      .split('\n')
      .filter((line) => line.trim() !== '')
      .sort()
      .join('\n');
  return sorted(left) === sorted(right);
}
