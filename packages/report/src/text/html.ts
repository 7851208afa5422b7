/**
 * Characters that are not what they look like, or are not seen at all: they could make one name look like another, or reverse the
 * text behind them. Line feeds and tabs are left alone, and so is the escape that begins a colour.
 */
const UNSEEN =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u0008\u000B-\u001A\u001C-\u001F\u007F-\u009F\u061C\u200B-\u200F\u2028-\u202E\u2060-\u2069\uFEFF]/g;

/** The text with such characters written out: `\u202e`. */
export const visible = (text: string): string =>
  text.replace(UNSEEN, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** As content of an element or of a quoted attribute. */
export const escaped = (text: string): string =>
  visible(text).replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char);

/** A link that may be shown: a name in a model may be anything, `javascript:` included. */
export function webLink(url: string | null): string | null {
  if (url === null) return null;
  try {
    const { protocol, href } = new URL(url);
    return protocol === 'https:' || protocol === 'http:' ? href : null;
  } catch {
    return null;
  }
}
