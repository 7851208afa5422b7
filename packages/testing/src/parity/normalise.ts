/** A pattern and its replacement; a pattern without the flag g replaces only its first match. */
export type Replacement = readonly [pattern: RegExp | string, by: string];

/** What differs between two runs of the same task on one machine. */
const ALWAYS: readonly Replacement[] = [
  [/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?/g, '<time>'],
  [/\b\d\d:\d\d:\d\d(\.\d+)?\b/g, '<time>'],
  // There may be colour codes between a number and its unit.
  // eslint-disable-next-line no-control-regex -- escape sequences are what is meant
  [/(?<!\u001b\[[\d;]*)<?\d+(\.\d+)?((?:\u001b\[[0-9;]*m)?)\s?(ms|s|m|µs|min)\b/g, '<time>$2'],
  [/\(node:\d+\)/g, '(node:<pid>)'],
  [/\r\n/g, '\n'],
];

/**
 * Terminal output without times, process ids and machine-specific folders.
 * @param folders absolute path -> its replacement; longer paths are replaced first
 */
export function normalise(
  text: string,
  folders: Readonly<Record<string, string>>,
  more: readonly Replacement[] = [],
): string {
  const places = Object.entries(folders).sort(([left], [right]) => right.length - left.length);
  let result = text;
  for (const [folder, name] of places) result = result.replaceAll(folder, name);
  for (const [pattern, by] of [...more, ...ALWAYS]) {
    result =
      typeof pattern === 'string' || pattern.global
        ? result.replaceAll(pattern, by)
        : result.replace(pattern, by);
  }
  return result;
}
