import { visible, webLink } from '../text/html';
import { withoutAnsi } from '../text/ansi';

/*
 * Untrusted text in GitLab Flavored Markdown. Whoever puts it together must not change it afterwards in a way that brings characters
 * together: three backticks that a control character separates are no fence.
 */

/** Lines as GitLab sees them, and no character that is not seen: it could hide or reverse what follows. */
const plain = (text: string): string =>
  visible(
    withoutAnsi(text)
      .replace(/\r\n?/g, '\n')
      // What is left of an incomplete sequence.
      .replaceAll('\u001B', '')
      .replace(/\p{Surrogate}/gu, '\uFFFD'),
  );

/** What Markdown and GitLab's references would make of a name; untrusted, since names come from the repository. */
export const inText = (text: string): string =>
  plain(text)
    .replace(/[\\`*_{}[\]<>()#+!|~@$%&:^-]/g, '\\$&')
    .replace(/\s+/g, ' ');

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** What HTML would make of a name: inside of HTML, nothing is escaped by a backslash. No references are made of code. */
export const inHtml = (text: string): string =>
  `<code>${plain(text)
    .replace(/[&<>"]/g, (char) => ENTITIES[char] ?? char)
    .replace(/\s+/g, ' ')}</code>`;

/** Output as a block of code, which the output does not end. */
export function fenced(output: string, lines: number): string {
  const text = plain(output).trimEnd().split('\n').slice(-lines).join('\n');
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}text\n${text === '' ? '(no output)' : text}\n${fence}`;
}

/** Code within a line. */
export const inCode = (text: string): string => `\`${plain(text).replace(/`/g, "'").replace(/\s+/g, ' ')}\``;

/** A link, or only its text if the address is none that may be shown. A parenthesis would end the address. */
export function linked(text: string, url: string | null): string {
  const href = webLink(url);
  if (href === null) return inText(text);
  const address = href.replace(
    /[()<>\\|*_`~\s]/g,
    (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return `[${inText(text)}](${address})`;
}
