import type { Random } from './target';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Text that JSON has no value for (a number beyond all limits, a thousand brackets) stands in a string between these. */
const RAW = '@@raw:';
const END = '@@';
const raw = (text: string): string => `${RAW}${Buffer.from(text).toString('base64')}${END}`;

const nested = (open: string, close: string, depth: number): string =>
  open.repeat(depth) + close.repeat(depth);

export const TRAVERSALS: readonly string[] = [
  '..',
  '../../../../../../fuzz-escaped',
  '..\\..\\..\\fuzz-escaped',
  '/tmp/fuzz-escaped',
  './fuzz-escaped',
  'a/../../../../fuzz-escaped',
  '.hidden',
  'C:\\fuzz-escaped',
  'a\0b',
  '%2e%2e%2f%2e%2e%2ffuzz-escaped',
  'token-key',
  '..%c0%af..%c0%affuzz-escaped',
  'journal.jsonl',
  'a'.repeat(300),
  '\u202e../x',
  'CON',
  '~root',
  '$(id)',
  '-rf',
];

const STRINGS: readonly string[] = [
  '',
  ' ',
  '\0',
  '\ud800',
  '\udfff\ud800',
  '\u202eevil',
  '\u001b[2J',
  '\u009b2J',
  'a\r\nx-injected: 1',
  '__proto__',
  'constructor',
  'toString',
  'NaN',
  'Infinity',
  '-0',
  '1e309',
  '9007199254740993',
  'x'.repeat(70_000),
  'é'.repeat(5_000),
  'null',
  '[object Object]',
  '2026-13-45T99:99:99Z',
];

const NUMBERS: readonly number[] = [
  -1,
  0,
  0.5,
  -0.5,
  1e308,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -(2 ** 53),
  1e21,
  5e-324,
];

const RAWS: readonly string[] = [
  '1e999',
  '-1e999',
  '-0',
  '123456789012345678901234567890',
  nested('[', ']', 5_000),
  nested('{"a":', '}', 3_000).replace(':}', ':1}'),
  '{"a":1,"a":[2],"a":"3"}',
  '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
  '"\\ud83d"',
  '"\\u0000"',
];

const KEYS: readonly string[] = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'length',
  'then',
  '',
  'a'.repeat(2_000),
];

/** A value that no schema of ours is made for, or only by accident. */
export function hostileValue(random: Random): Json {
  switch (random.int(0, 9)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
    case 3:
      return random.pick(NUMBERS);
    case 4:
      return random.pick(TRAVERSALS);
    case 5:
    case 6:
      return random.pick(STRINGS);
    case 7:
      return random.pick<Json>([[], {}, [[]], { a: 1 }, Array.from({ length: 2_000 }, (_, index) => index)]);
    default:
      return raw(random.pick(RAWS));
  }
}

type Holder = Json[] | Record<string, Json>;

/** Every array and object in a value. */
function holdersIn(value: Json): Holder[] {
  const found: Holder[] = [];
  const waiting: Json[] = [value];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (typeof next !== 'object' || next === null) continue;
    found.push(next);
    waiting.push(...Object.values(next));
  }
  return found;
}

/** Own property, whatever its name: an assignment to `__proto__` would set the prototype instead. */
const define = (holder: object, key: string, value: Json): void => {
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
};

function changeArray(random: Random, list: Json[]): void {
  const at = random.int(0, Math.max(0, list.length - 1));
  const kind = random.next();
  if (kind < 0.3) list.splice(at, 1);
  else if (kind < 0.6) list.splice(at, 0, hostileValue(random));
  else if (kind < 0.7 && list.length > 0)
    for (let copies = random.int(1, 200); copies > 0; copies--) list.push(list[at] ?? null);
  else list[at] = hostileValue(random);
}

function changeObject(random: Random, holder: Record<string, Json>): void {
  const keys = Object.keys(holder);
  const key = keys.length === 0 ? '' : random.pick(keys);
  const kind = random.int(0, 5);
  if (kind === 0) Reflect.deleteProperty(holder, key);
  else if (kind === 1) define(holder, random.pick(KEYS), hostileValue(random));
  else if (kind === 2 && keys.length > 1) define(holder, key, holder[random.pick(keys)] ?? null);
  else define(holder, key, hostileValue(random));
}

/** Changes a few places of a value, in place. The result is for `toText`. */
export function changed(random: Random, value: Json): Json {
  if (random.chance(0.02)) return hostileValue(random);
  for (let changes = random.int(1, 3); changes > 0; changes--) {
    const holders = holdersIn(value);
    if (holders.length === 0) return hostileValue(random);
    const holder = random.pick(holders);
    if (Array.isArray(holder)) changeArray(random, holder);
    else changeObject(random, holder);
  }
  return value;
}

/** JSON of a value with what `changed` has put into it. */
export const toText = (value: Json): string =>
  JSON.stringify(value).replace(/"@@raw:([A-Za-z0-9+/=]*)@@"/g, (_, text: string) =>
    Buffer.from(text, 'base64').toString('utf8'),
  );

/** Breaks a text as a text: cut, doubled, flipped, with something put in. */
export function broken(random: Random, text: string): string {
  const at = random.int(0, text.length);
  const to = Math.min(text.length, at + random.int(0, 40));
  switch (random.int(0, 6)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(to);
    case 2:
      return text.slice(0, at) + random.pick(STRINGS) + text.slice(at);
    case 3:
      return text.slice(0, to) + text.slice(at);
    case 4:
      return `${random.pick(['\ufeff', '\0', ' ', '//', '['])}${text}`;
    case 5:
      return text + random.pick(['\0', '}', text, ',', ' '.repeat(10_000)]);
    default:
      return text.slice(0, at) + String.fromCharCode(random.int(0, 0xffff)) + text.slice(at + 1);
  }
}

export function randomBytes(random: Random, most: number): Buffer {
  const bytes = Buffer.alloc(random.int(0, most));
  for (let index = 0; index < bytes.length; index++) bytes[index] = random.int(0, 255);
  return bytes;
}

/** Breaks bytes: flipped bits, cut, a piece doubled or put in. */
export function brokenBytes(random: Random, bytes: Buffer): Buffer {
  const at = random.int(0, Math.max(0, bytes.length - 1));
  switch (random.int(0, 4)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), randomBytes(random, 64), bytes.subarray(at)]);
    case 2:
      return Buffer.concat([bytes, bytes.subarray(at)]);
    default: {
      const copy = Buffer.from(bytes);
      for (let flips = random.int(1, 8); flips > 0 && copy.length > 0; flips--) {
        const place = random.int(0, copy.length - 1);
        copy[place] = (copy[place] ?? 0) ^ (1 << random.int(0, 7));
      }
      return copy;
    }
  }
}
