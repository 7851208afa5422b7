import { hashSchema } from './ids';
import { isStorableHash, PATH_SAFE_CHARS } from './path-safe';

it.each([
  ['1234567890123456789', true],
  ['inspect-a.b_c', true],
  ['x'.repeat(PATH_SAFE_CHARS), true],
  ['x'.repeat(PATH_SAFE_CHARS + 1), false],
  ['', false],
  ['.hidden', false],
  ['../up', false],
  ['a/b', false],
  ['a\n', false],
  ['ä', false],
  [undefined, false],
  [42, false],
])('%j is as storable as its schema says', (hash, isStorable) => {
  expect(isStorableHash(hash)).toBe(isStorable);
  expect(hashSchema.safeParse(hash).success).toBe(isStorable);
});
