import { chmodSync, linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** One form that outputs can have on a disk. */
export interface OutputShape {
  readonly outputs: readonly string[];
  /** What is in the repository; called repeatedly. */
  readonly before?: () => void;
  readonly make: () => void;
  /** Files of an earlier run that the task would not have left. */
  readonly stale?: readonly string[];
  /** Removes what `make` has made. */
  readonly clean: () => void;
}

const write = (path: string, text = path, mode = 0o644): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
};
const folder = (path: string): void => void mkdirSync(path, { recursive: true });
const link = (target: string, path: string): void => {
  folder(dirname(path));
  rmSync(path, { recursive: true, force: true });
  symlinkSync(target, path);
};

/** Outputs below `shapes/<name>`, all removed before a restore. */
const shape = (
  name: string,
  make: (at: string) => void,
  more: { outputs?: readonly string[]; before?: (at: string) => void; stale?: readonly string[] } = {},
): [string, OutputShape] => {
  const at = `shapes/${name}`;
  const { before } = more;
  return [
    name,
    {
      outputs: (more.outputs ?? ['dist']).map((output) =>
        output.startsWith('!') ? `!${at}/${output.slice(1)}` : `${at}/${output}`,
      ),
      ...(before === undefined ? {} : { before: () => before(at) }),
      stale: (more.stale ?? []).map((path) => `${at}/${path}`),
      make: () => make(at),
      clean: () => rmSync(at, { recursive: true, force: true }),
    },
  ];
};

export const OUTPUT_SHAPES: Readonly<Record<string, OutputShape>> = Object.fromEntries([
  shape(
    'plain',
    (at) => {
      write(`${at}/dist/a.js`);
      write(`${at}/dist/sub/b.js`);
      write(`${at}/dist/.hidden/.c`);
      write(`${at}/dist/nothing`, '');
    },
    { stale: ['dist/old.js', 'dist/sub/old.js', 'dist/old/deep/old.js'] },
  ),
  shape('modes', (at) => {
    write(`${at}/dist/run.sh`, 'x', 0o755);
    write(`${at}/dist/mine`, 'x', 0o600);
    write(`${at}/dist/read-only`, 'x', 0o444);
  }),
  shape('names', (at) => {
    for (const name of [
      'with space',
      ' leading',
      'trailing ',
      '-dash',
      'äöü',
      'a\u0308',
      '日本語',
      '😀',
      'quo"te',
      "apo's",
      '[b]/{c}',
      'star*',
      'perc%20',
      'back\\slash',
      'line\nbreak',
      'tab\t',
      'x'.repeat(255),
    ])
      write(`${at}/dist/${name}`, 'x');
  }),
  shape('long', (at) => write(`${at}/dist/${'d'.repeat(120)}/${'e'.repeat(120)}/${'f'.repeat(200)}`)),
  shape('empty', (at) => folder(`${at}/dist`), { stale: ['dist/old.js', 'dist/old/old.js'] }),
  shape('empty-inside', (at) => {
    write(`${at}/dist/a`);
    folder(`${at}/dist/in/empty`);
  }),
  shape('nothing', () => undefined, { stale: ['dist/old/old.js'] }),
  shape('hard-link', (at) => {
    write(`${at}/dist/a`);
    linkSync(`${at}/dist/a`, `${at}/dist/b`);
  }),
  shape('link-to-file', (at) => {
    write(`${at}/dist/a`);
    link('a', `${at}/dist/link`);
  }),
  shape('link-to-folder', (at) => {
    write(`${at}/dist/sub/a`);
    link('sub', `${at}/dist/link`);
  }),
  shape('link-to-link', (at) => {
    write(`${at}/dist/a`);
    link('a', `${at}/dist/b`);
    link('b', `${at}/dist/c`);
  }),
  shape('link-elsewhere', (at) => {
    write(`${at}/dist/a`);
    link('../../../package.json', `${at}/dist/link`);
  }),
  shape('link-dangling', (at) => {
    write(`${at}/dist/a`);
    link('missing', `${at}/dist/link`);
  }),
  shape('link-cyclic', (at) => {
    write(`${at}/dist/a`);
    link('one', `${at}/dist/two`);
    link('two', `${at}/dist/one`);
  }),
  shape('link-to-above', (at) => {
    write(`${at}/dist/sub/a`);
    link('..', `${at}/dist/sub/up`);
  }),
  shape('link-absolute', (at) => {
    write(`${at}/dist/a`);
    link(`${process.cwd()}/${at}/dist/a`, `${at}/dist/link`);
  }),
  shape('link-outside', (at) => {
    write(`${at}/dist/a`);
    link('/etc/hostname', `${at}/dist/link`);
  }),
  shape('link-long', (at) => {
    write(`${at}/dist/${'d'.repeat(120)}/${'e'.repeat(60)}`);
    link(`${'d'.repeat(120)}/${'e'.repeat(60)}`, `${at}/dist/link`);
  }),
  shape('output-is-link-to-file', (at) => {
    write(`${at}/real/a`);
    link('real/a', `${at}/dist`);
  }),
  shape('output-is-dangling', (at) => link('missing', `${at}/dist`)),
  shape('output-is-link-to-folder', (at) => {
    write(`${at}/real/a`);
    link('real', `${at}/dist`);
  }),
  shape(
    'outputs-link-to-one-another',
    (at) => {
      write(`${at}/dist/a`);
      link('dist', `${at}/latest`);
    },
    { outputs: ['dist', 'latest'] },
  ),
  ...(
    [
      ['through', ['out']],
      ['through-sub', ['out/sub']],
      ['through-all', ['out/**']],
      ['through-glob', ['out/**/*.js', '!out/**/*.skip.js']],
      ['through-file', ['out/a.js']],
    ] as const
  ).map(([name, outputs]) =>
    shape(
      name,
      (at) => {
        write(`${at}/out/a.js`);
        write(`${at}/out/b.skip.js`);
        write(`${at}/out/sub/c.js`);
      },
      {
        outputs,
        before: (at) => {
          folder(`${at}/real`);
          link('real', `${at}/out`);
        },
      },
    ),
  ),
  shape(
    'globs',
    (at) => {
      write(`${at}/dist/a.js`);
      write(`${at}/dist/sub/b.js`);
      write(`${at}/dist/sub/c.skip.js`);
      write(`${at}/dist/other.txt`);
      link('a.js', `${at}/dist/link.js`);
      folder(`${at}/dist/empty.js`);
    },
    { outputs: ['dist/**/*.js', '!dist/**/*.skip.js'], stale: ['dist/old.js', 'dist/sub/old.js'] },
  ),
  shape(
    'glob-all',
    (at) => {
      write(`${at}/dist/a.js`);
      folder(`${at}/dist/empty`);
    },
    { outputs: ['dist/**/*'] },
  ),
  shape(
    'glob-braces',
    (at) => {
      write(`${at}/dist/a.js`);
      write(`${at}/dist/a.d.ts`);
      write(`${at}/dist/.dot.js`);
    },
    { outputs: ['dist/{a,b,.dot}.{js,d.ts}'] },
  ),
  shape(
    'twice',
    (at) => {
      write(`${at}/dist/a.js`);
      write(`${at}/dist/sub/b.js`);
    },
    { outputs: ['dist', 'dist/sub'] },
  ),
]);
