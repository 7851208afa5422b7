// What YAML 1.1, which GitLab uses, or 1.2 parses as something other than text.
const NOT_TEXT = /^(?:true|false|yes|no|on|off|y|n|null|\.inf|\.nan)$/i;
// All starts of plain text except numbers, dates, indicators and document markers.
const PLAIN_START = /^(?:[A-Za-z_/$]|\.{1,2}\/|\.[A-Za-z_])/;
const ENDS_PLAIN = /: |:$| #|\s$|[^\x20-\x7e]/;

/** A text as a YAML value in block style: plain if every parser reads it the same way, else in double quotes. */
export function scalar(text: string): string {
  const plain = PLAIN_START.test(text) && !NOT_TEXT.test(text) && !ENDS_PLAIN.test(text);
  return plain ? text : JSON.stringify(text);
}

/** A word of a command line: unchanged if it has no special meaning for a shell, else in single quotes. */
export const word = (text: string): string =>
  /^[\w./:@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** A block list below `key`; nothing if the list is empty. */
export const list = (key: string, values: readonly string[]): string[] =>
  values.length === 0 ? [] : [`${key}:`, ...values.map((value) => `  - ${scalar(value)}`)];

export const comment = (...lines: readonly string[]): string[] => lines.map((line) => `# ${line}`);

/** `key:` and its block, two spaces deeper. */
export const block = (key: string, ...lines: readonly string[]): string[] => [
  `${key}:`,
  ...lines.map((line) => (line === '' ? '' : `  ${line}`)),
];

/** One entry of a block list: its first line after the dash, the others below it. */
export const item = ([first = '', ...others]: readonly string[]): string[] => [
  `  - ${first}`,
  ...others.map((line) => `    ${line}`),
];

/** Joins blocks with an empty line between them into a file. */
export const file = (...blocks: readonly (readonly string[])[]): string =>
  `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`;
