import { oneLook } from './one-look';

/** Git: what ends with `.cjs` is committed. */
const notAsCommitted = (paths: readonly string[]): Promise<ReadonlySet<string>> =>
  Promise.resolve(new Set(paths.filter((path) => !path.endsWith('.cjs'))));

/** Git is asked about no folder: links may lead out of it. */
const standing = () => 'linked' as const;

/** As Nx: what exists of these outputs; `*` stands for any text. */
const expandAmong = (files: readonly string[]) =>
  jest.fn((outputs: readonly string[]) => {
    if (outputs.includes('{')) throw new Error('no glob');
    const matchers = outputs.map((each) => new RegExp(`^${each.replaceAll('*', '.*')}(/|$)`));
    return files.filter((file) => matchers.some((matcher) => matcher.test(file)));
  });

const BUILT = ['libs/built/*.d.ts', 'dist/built'];
const BARE = ['libs/bare/*.d.ts', 'dist/bare'];
const COMMITTED = ['libs/committed/*'];
const SPARED = ['!libs/spared/a.d.ts', 'libs/spared/*.d.ts'];

it('asks once for many lists, and rules out those of which nothing exists that is not committed', async () => {
  const expand = expandAmong([
    'libs/built/index.d.ts',
    'libs/bare/index.ts',
    'libs/spared/a.d.ts',
    'libs/committed/jest.config.cjs',
  ]);
  const mayDiffer = await oneLook([BUILT, BARE, SPARED, COMMITTED], { standing, expand, notAsCommitted });
  expect([BUILT, BARE, COMMITTED].map(mayDiffer)).toEqual([true, false, false]);
  // What it excludes may be all that is there: only its own look can tell.
  expect(mayDiffer(SPARED)).toBe(true);
  expect(expand).toHaveBeenCalledTimes(1);
  expect(expand.mock.calls[0]?.[0].some((output) => output.startsWith('!'))).toBe(false);
});

it('asks again for what does not fit into one question', async () => {
  const lists = Array.from({ length: 250 }, (_, index) => [`dist/p${String(index)}-`]);
  const expand = expandAmong(['dist/p7-', 'dist/p249-']);
  const mayDiffer = await oneLook(lists, { standing, expand, notAsCommitted });
  expect(lists.filter(mayDiffer)).toEqual([['dist/p7-'], ['dist/p249-']]);
  expect(expand).toHaveBeenCalledTimes(3);
});

it('rules out nothing that it was not asked for, or that Nx cannot answer', async () => {
  const lists = [['{'], BARE];
  const mayDiffer = await oneLook(lists, { standing, expand: expandAmong([]), notAsCommitted });
  expect([...lists, BUILT].map(mayDiffer)).toEqual([true, true, true]);
});

it('rules out no output at the root of the workspace while anything is found', async () => {
  const everywhere = ['*.d.ts'];
  const roundabout = ['./dist/../dist/x'];
  const expand = (): string[] => ['dist/x'];
  const mayDiffer = await oneLook([everywhere, roundabout], { standing, expand, notAsCommitted });
  expect([everywhere, roundabout].map(mayDiffer)).toEqual([true, true]);
});

it('rules out what is absent or in an unchanged folder without a walk, and asks git once', async () => {
  const expand = expandAmong(['libs/built/index.d.ts', 'libs/linked/index.d.ts']);
  const asked = jest.fn((paths: readonly string[]) =>
    Promise.resolve<ReadonlySet<string>>(new Set(paths.filter((path) => path.startsWith('libs/built')))),
  );
  const LINKED = ['libs/linked/*.d.ts'];
  const ROOT = ['*.js'];
  const mayDiffer = await oneLook([BUILT, BARE, LINKED, ROOT], {
    standing: (path) =>
      path.startsWith('dist') ? 'absent' : path.startsWith('libs/linked') ? 'linked' : 'direct',
    expand,
    notAsCommitted: asked,
  });
  expect(asked.mock.calls[0]).toEqual([['libs/built', 'libs/bare']]);
  expect(expand.mock.calls).toEqual([[[...BUILT, ...LINKED, ...ROOT]]]);
  expect([BUILT, BARE].map(mayDiffer)).toEqual([true, false]);
});

it('walks through nothing if all folders are as committed', async () => {
  const expand = expandAmong(['libs/bare/index.d.ts']);
  const clean = () => Promise.resolve<ReadonlySet<string>>(new Set());
  const mayDiffer = await oneLook([BUILT, BARE], { standing: () => 'direct', expand, notAsCommitted: clean });
  expect([BUILT, BARE, COMMITTED].map(mayDiffer)).toEqual([false, false, true]);
  expect(expand).not.toHaveBeenCalled();
});
