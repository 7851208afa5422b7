/**
 * What XML 1.0 does not allow in any spelling: control characters but tab, newline and carriage return, halves of surrogate
 * pairs, and the last two code points of the first plane. One of them makes GitLab reject the whole file.
 */
// eslint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u0008\u000B\u000C\u000E-\u001F\uFFFE\uFFFF]|\p{Surrogate}/gu;
const ESCAPED: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

export const xmlText = (text: string): string =>
  text.replace(FORBIDDEN, '\uFFFD').replace(/[&<>"]/g, (char) => ESCAPED[char] ?? char);

/** Bytes of the character there in UTF-8, as XML: at least as many as it takes. */
export function xmlBytesAt(text: string, at: number): number {
  const code = text.charCodeAt(at);
  if (code >= 0x80) return code < 0x800 ? 2 : 3;
  return code < 0x20 ? 3 : (ESCAPED[text.charAt(at)]?.length ?? 1);
}

/** An attribute; without newlines, which XML readers turn into spaces. */
export const xmlAttribute = (name: string, value: string | number): string =>
  ` ${name}="${xmlText(String(value).replace(/\s+/g, ' '))}"`;
