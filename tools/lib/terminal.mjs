// Colours and tables; plain text if the output is not a terminal or NO_COLOR is set.
const coloured =
  process.env.NO_COLOR === undefined && (process.stdout.isTTY || process.env.FORCE_COLOR !== undefined);
const paint = (open, close) => (text) => (coloured ? `\u001b[${open}m${text}\u001b[${close}m` : String(text));

export const bold = paint(1, 22);
export const dim = paint(2, 22);
export const green = paint(32, 39);
export const red = paint(31, 39);
export const yellow = paint(33, 39);
export const blue = paint(34, 39);
export const cyan = paint(36, 39);

export const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`;

/** A heading with a rule as wide as the terminal, at most 100 columns. */
export function heading(text) {
  const width = Math.min(process.stdout.columns ?? 100, 100);
  return `\n${dim('──')} ${bold(text)} ${dim('─'.repeat(Math.max(2, width - text.length - 4)))}`;
}
