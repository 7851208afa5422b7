/** A word of a shell command: as written, and without quotes. */
export interface Word {
  readonly raw: string;
  readonly value: string;
  readonly start: number;
  readonly end: number;
}

export interface Simple {
  readonly words: readonly Word[];
  /** After the last word. */
  readonly end: number;
}

const OPERATOR = /[;&|()<>\n]/;
const BLANK = /^(?:[ \t]|\\\r?\n[ \t]*)+/;

/** End of a quoted piece or of `$(…)` that begins at `at`; -1 if it is not closed. */
function closing(text: string, at: number): number {
  const quote = text[at];
  if (quote === "'") return text.indexOf("'", at + 1);
  let depth = 0;
  for (let i = at + 1; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (quote === '"' && text[i] === '"') return i;
    else if (quote === '$' && text[i] === '(') depth++;
    else if (quote === '$' && text[i] === ')' && --depth === 0) return i;
  }
  return -1;
}

function wordEnd(text: string, start: number): number {
  let at = start;
  while (at < text.length) {
    const char = text[at] ?? '';
    const opens = char === "'" || char === '"' || (char === '$' && text[at + 1] === '(');
    if (opens) {
      const end = closing(text, at);
      if (end === -1) return text.length;
      at = end + 1;
    } else if (char === '\\' && !/[\r\n]/.test(text[at + 1] ?? '')) {
      at += 2;
    } else if (/\s/.test(char) || char === '\\' || OPERATOR.test(char)) {
      return at;
    } else {
      at++;
    }
  }
  return Math.min(at, text.length);
}

const unquote = (raw: string): string =>
  raw.replace(
    /'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/g,
    (_, single?: string, double?: string, escaped?: string) =>
      (single ?? double ?? escaped ?? '').replace(/\\(["\\$`])/g, '$1'),
  );

/**
 * The words of one simple command, starting at `from`, up to an operator, a comment, a redirection or the end of the
 * line. A backslash at the end of a line continues it.
 */
export function wordsFrom(text: string, from: number): Simple {
  const words: Word[] = [];
  let at = from;
  let end = from;
  for (;;) {
    at += BLANK.exec(text.slice(at))?.[0].length ?? 0;
    const char = text[at];
    if (char === undefined || char === '\r' || OPERATOR.test(char)) break;
    if (char === '#' && at > from) break;
    const stop = wordEnd(text, at);
    const raw = text.slice(at, stop);
    // `2>&1`: the number belongs to the redirection.
    if (stop === at || (/^\d+$/.test(raw) && /[<>]/.test(text[stop] ?? ''))) break;
    words.push({ raw, value: unquote(raw), start: at, end: stop });
    end = stop;
    at = stop;
  }
  return { words, end };
}
