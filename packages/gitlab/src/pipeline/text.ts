// What YAML 1.1, as GitLab reads it, or 1.2 takes for something other than text.
const NOT_TEXT = /^(?:true|false|yes|no|on|off|y|n|null|\.inf|\.nan)$/i;
// Of all starts of plain text the ones that are no number, date, indicator or document marker.
const PLAIN_START = /^(?:[A-Za-z_/$]|\.{1,2}\/|\.[A-Za-z_])/;
const ENDS_PLAIN = /: |:$| #|\s$|[^\x20-\x7e]/;

/** A text as a YAML value in block style: plain where that means the same to every reader, else in double quotes. */
export function scalar(text: string): string {
  const plain = PLAIN_START.test(text) && !NOT_TEXT.test(text) && !ENDS_PLAIN.test(text);
  return plain ? text : JSON.stringify(text);
}

/** A word of a command line: as it is where no shell reads anything into it, else in single quotes. */
export const word = (text: string): string =>
  /^[\w./:@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

/** A block list below `key`, or nothing when there is nothing to list. */
export const list = (key: string, values: readonly string[]): string[] =>
  values.length === 0 ? [] : [`${key}:`, ...values.map((value) => `  - ${scalar(value)}`)];

export const comment = (...lines: readonly string[]): string[] => lines.map((line) => `# ${line}`);

/** `key:` and its block, two spaces deeper. */
export const block = (key: string, ...lines: readonly string[]): string[] => [
  `${key}:`,
  ...lines.map((line) => (line === '' ? '' : `  ${line}`)),
];

/** One entry of a block list: its first line behind the dash, the others below it. */
export const item = ([first = '', ...others]: readonly string[]): string[] => [
  `  - ${first}`,
  ...others.map((line) => `    ${line}`),
];

/** Blocks with an empty line between them, as a file. */
export const file = (...blocks: readonly (readonly string[])[]): string =>
  `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`;
