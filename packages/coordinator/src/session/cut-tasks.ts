/** The JSON of a run, cut where its tasks are. */
export interface Cut {
  /** The run with an empty list of tasks. */
  readonly rest: string;
  /** The tasks as JSON arrays, in order; null: there is none where one has to be. */
  readonly parts: Iterable<string | null>;
}

/** Bytes of tasks that are parsed in one turn of the event loop: about 500 tasks, 5 to 10 ms. No limit: smaller parts only take longer. */
const PART_BYTES = 256 * 1024;

/** `"` */
const QUOTE = 0x22;
/** `\` */
const BACKSLASH = 0x5c;
/** `,` */
const COMMA = 0x2c;
/** `:` */
const COLON = 0x3a;
/** `[` */
const BRACKET = 0x5b;
/** `]` */
const CLOSING = 0x5d;
/** `[` and `{` differ in one bit, as `]` and `}` do. */
const CASE = 0x20;
const SPACE = [0x20, 0x09, 0x0a, 0x0d];

/** What a byte outside of strings adds to the depth. */
const nesting = (byte: number): number => {
  const bracket = byte & ~CASE;
  return bracket === BRACKET ? 1 : bracket === CLOSING ? -1 : 0;
};

const isSpace = (byte: number | undefined): boolean => byte !== undefined && SPACE.includes(byte);

/**
 * Finds the list of tasks in the JSON of a run, without parsing it. Null if it does not find exactly one. The bytes need not be
 * JSON: what is cut is to be parsed, and together it is JSON exactly if the whole is.
 */
export function cutTasks(raw: Buffer, partBytes = PART_BYTES): Cut | null {
  const list = findList(raw);
  if (list === null) return null;
  const { from, to } = list;
  return {
    rest: `${raw.toString('utf8', 0, from)}${raw.toString('utf8', to)}`,
    parts: partsOf(raw, list, partBytes),
  };
}

/** Where its elements begin and end. */
interface List {
  readonly from: number;
  readonly to: number;
}

/** The only `"tasks":[…]` of the outermost object. */
function findList(raw: Buffer): List | null {
  let found: List | null = null;
  let depth = 0;
  for (let at = 0; at < raw.length; at++) {
    const byte = raw[at] ?? 0;
    if (byte === QUOTE) {
      const end = endOfString(raw, at);
      const value = depth === 1 ? valueAfter(raw, end) : null;
      const name = value === null ? '' : raw.toString('latin1', at + 1, end);
      // It may say "tasks" in other letters, and of two fields with one name the last counts.
      if (name.includes('\\')) return null;
      at = end;
      if (name !== 'tasks' || value === null) continue;
      if (found !== null || raw[value] !== BRACKET) return null;
      at = endOfList(raw, value);
      found = { from: value + 1, to: at };
    } else depth += nesting(byte);
  }
  return found;
}

/** Where the value begins if the string that ends here is the name of a field, else null. */
function valueAfter(raw: Buffer, end: number): number | null {
  let at = end + 1;
  while (isSpace(raw[at])) at++;
  if (raw[at] !== COLON) return null;
  at++;
  while (isSpace(raw[at])) at++;
  return at;
}

/** The last byte of the string that begins here, or the end of all. */
function endOfString(raw: Buffer, from: number): number {
  let at = from + 1;
  while (at < raw.length && raw[at] !== QUOTE) at += raw[at] === BACKSLASH ? 2 : 1;
  return at;
}

/** The bracket that closes this one, or the end of all. */
function endOfList(raw: Buffer, open: number): number {
  let depth = 0;
  for (let at = open; at < raw.length; at++) {
    const byte = raw[at] ?? 0;
    if (byte === QUOTE) at = endOfString(raw, at);
    else depth += nesting(byte);
    if (depth === 0) return at;
  }
  return raw.length;
}

const NULL = Buffer.from('null');
const HASH = '"hash"';

/**
 * The JSON of a run, which must be valid, in pieces: all of it but the hashes of its tasks, which become null. Whatever it does not
 * find stays as it is.
 */
export function* withoutHashes(raw: Buffer, pieceBytes = PART_BYTES): Generator<Buffer, void, undefined> {
  let pieces: Buffer[] = [];
  let start = 0;
  let sent = 0;
  for (const { from, to } of hashesIn(raw)) {
    pieces.push(raw.subarray(start, from), NULL);
    start = to;
    if (start - sent < pieceBytes) continue;
    yield Buffer.concat(pieces);
    pieces = [];
    sent = start;
  }
  yield Buffer.concat([...pieces, raw.subarray(start)]);
}

/** Where the text of each hash of a task begins and ends, with its quotes. */
function* hashesIn(raw: Buffer): Generator<List, void, undefined> {
  const list = findList(raw);
  if (list === null) return;
  let depth = 0;
  for (let at = list.from; at < list.to; at++) {
    const byte = raw[at] ?? 0;
    if (byte !== QUOTE) {
      depth += nesting(byte);
      continue;
    }
    const end = endOfString(raw, at);
    const isName =
      depth === 1 && end - at === HASH.length - 1 && raw.toString('latin1', at, end + 1) === HASH;
    const value = isName ? valueAfter(raw, end) : null;
    at = end;
    if (value === null || raw[value] !== QUOTE) continue;
    at = endOfString(raw, value);
    yield { from: value, to: at + 1 };
  }
}

function* partsOf(
  raw: Buffer,
  { from, to }: List,
  partBytes: number,
): Generator<string | null, void, undefined> {
  let start = from;
  let depth = 0;
  for (let at = from; at < to; at++) {
    const byte = raw[at] ?? 0;
    if (byte === QUOTE) at = endOfString(raw, at);
    else if (byte === COMMA && depth === 0 && at - start >= partBytes) {
      yield `[${raw.toString('utf8', start, at)}]`;
      start = at + 1;
    } else depth += nesting(byte);
  }
  const last = raw.toString('utf8', start, to);
  // A comma with nothing behind it is no JSON; an empty list is.
  yield last.trim() === '' && start > from ? null : `[${last}]`;
}
