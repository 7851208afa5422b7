import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { canonicalJson } from './canonical-json';
import {
  type Challenge,
  type Handshake,
  type Hello,
  proofInput,
  type Refusal,
  type Signed,
  type Welcome,
} from './handshake';

const folder = join(__dirname, '..', 'golden');
const golden = <T>(type: string): T[] =>
  readdirSync(folder)
    .map((file) => JSON.parse(readFileSync(join(folder, file), 'utf8')) as { type?: string })
    .filter((message) => message.type === type) as T[];

const hellos = golden<Hello>('hello');
const challenges = golden<Challenge>('challenge');
const answers = [...golden<Welcome>('welcome'), ...golden<Refusal>('error')];

type Path = readonly (string | number)[];
type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Every value in a message, at any depth, except for its proof. */
function pathsOf(value: unknown, path: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [path];
  const below = Object.entries(value).flatMap(([key, member]) =>
    path.length === 0 && key === 'proof' ? [] : pathsOf(member, [...path, key]),
  );
  return path.length === 0 ? below : [path, ...below];
}

function changed<T>(message: T, path: Path, value: Json | undefined): T {
  const copy = structuredClone(message);
  let at = copy as Record<string, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
  at[path.at(-1) ?? ''] = value;
  return copy;
}

const somewhere = <T>(messages: readonly T[]): fc.Arbitrary<[T, T]> =>
  fc.constantFrom(...messages).chain((message) =>
    fc
      .tuple(fc.constantFrom(...pathsOf(message)), fc.option(fc.jsonValue(), { nil: undefined }))
      .map(([path, value]): [T, T] => [message, changed(message, path, value as Json | undefined)])
      // Equal values need not be detected.
      .filter(([before, after]) => canonicalJson(before) !== canonicalJson(after)),
  );

const handshake: Handshake = { challenge: challenges[0]!, hello: hellos[0]!, channel: 'ab'.repeat(32) };
const speakers: Signed[] = [
  { speaker: 'client' },
  ...answers.map((answer) => ({ speaker: 'server' as const, answer })),
];

it('has examples of everything that is signed', () => {
  expect(hellos.length).toBeGreaterThan(3);
  expect(challenges.length).toBeGreaterThan(1);
  expect(new Set(answers.map(({ type }) => type))).toEqual(new Set(['welcome', 'error']));
});

it('covers every value of the hello, whichever side signs', () => {
  fc.assert(
    fc.property(somewhere(hellos), fc.constantFrom(...speakers), ([hello, other], signed) => {
      expect(proofInput(signed, { ...handshake, hello: other })).not.toBe(
        proofInput(signed, { ...handshake, hello }),
      );
    }),
  );
});

it('covers fields of the hello that are added later', () => {
  fc.assert(
    fc.property(fc.constantFrom(...hellos), fc.jsonValue(), (hello, value) => {
      const more = { ...hello, invented: value } as Hello;
      expect(proofInput({ speaker: 'client' }, { ...handshake, hello: more })).not.toBe(
        proofInput({ speaker: 'client' }, { ...handshake, hello }),
      );
    }),
  );
});

it('covers every value of the challenge, and the keying material of the connection', () => {
  fc.assert(
    fc.property(somewhere(challenges), fc.constantFrom(...speakers), ([challenge, other], signed) => {
      expect(proofInput(signed, { ...handshake, challenge: other })).not.toBe(
        proofInput(signed, { ...handshake, challenge }),
      );
    }),
  );
  for (const signed of speakers)
    expect(proofInput(signed, { ...handshake, channel: 'none' })).not.toBe(proofInput(signed, handshake));
});

it("covers every value of the coordinator's answer, including a rejection", () => {
  fc.assert(
    fc.property(somewhere(answers), ([answer, other]) => {
      expect(proofInput({ speaker: 'server', answer: other }, handshake)).not.toBe(
        proofInput({ speaker: 'server', answer }, handshake),
      );
    }),
  );
});

it('of one side is never valid for the other', () => {
  expect(new Set(speakers.map((signed) => proofInput(signed, handshake))).size).toBe(speakers.length);
});

it('is the same for the same values in another order, and ignores the proof itself', () => {
  for (const hello of hellos) {
    const turned = Object.fromEntries(Object.entries({ ...hello, proof: 'x' }).reverse()) as Hello;
    expect(proofInput({ speaker: 'client' }, { ...handshake, hello: turned })).toBe(
      proofInput({ speaker: 'client' }, { ...handshake, hello }),
    );
  }
});
