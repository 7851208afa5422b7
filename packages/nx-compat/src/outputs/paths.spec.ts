import { cleanPath, isAtOrBelow, isGlob, staticParts } from './paths';

describe('paths of outputs', () => {
  it.each([
    ['./dist/app/', 'dist/app'],
    ['dist//app/../lib', 'dist/lib'],
    ['.', ''],
    ['', ''],
    ['../dist', '../dist'],
  ])('writes %j as %j', (path, expected) => expect(cleanPath(path)).toBe(expected));

  it.each([
    ['dist/app', 'dist/app', false],
    ['./dist//app/', 'dist/app', false],
    ['dist/app/**', 'dist/app', true],
    ['dist/app-*.js', 'dist', true],
    ['dist/{a,b}/c', 'dist', true],
    ['dist/@(a|b)/c', 'dist', true],
    ['dist/!(a)/c', 'dist', true],
    ['dist/@org/c++/*', 'dist/@org/c++', true],
    ['node_modules/@org', 'node_modules/@org', false],
    ['**/dist', '', true],
    ['!dist', '', true],
  ])('reads from %j the names %j before a wildcard', (output, names, hasWildcard) => {
    expect(staticParts(output).join('/')).toBe(names);
    expect(isGlob(output)).toBe(hasWildcard);
  });

  it('includes a folder and everything in it, and not a folder whose name has the same beginning', () => {
    expect(['dist', 'dist/a', 'dist-types', 'src'].filter((path) => isAtOrBelow(path, 'dist'))).toEqual([
      'dist',
      'dist/a',
    ]);
    expect(isAtOrBelow('src', '')).toBe(true);
  });
});
