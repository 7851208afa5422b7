import { type FileContent, type SampleProject } from '@org/dte-testing';

/** Writes the outputs of one kind into a folder, or checks what others have written. */
const SCRIPT = `
const { createHash } = require('node:crypto');
const { appendFileSync, chmodSync, closeSync, linkSync, lstatSync, mkdirSync, openSync, readFileSync, readSync, readdirSync, readlinkSync, symlinkSync, rmSync, truncateSync, writeFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const [what, ...rest] = process.argv.slice(2);
const args = rest.filter((arg) => !arg.startsWith('--'));
const write = (path, text = path, mode = 0o644) => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  chmodSync(path, mode);
};
const kinds = {
  shapes(folder, kind) {
    rmSync(folder, { recursive: true, force: true });
    const at = (path) => join(folder, path);
    write(at('plain.txt'));
    write(at('nothing-in-it'), '');
    write(at('bin/run.sh'), '#!/bin/sh\\n', 0o755);
    write(at('bin/mine'), 'x', 0o600);
    write(at('bin/read-only'), 'x', 0o444);
    write(at('bytes.bin'), Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 31) % 256)));
    for (const name of ['with space.txt', ' leading', '-dash', '.hidden', 'Zeichen äöü.txt', 'a\\u0308 decomposed.txt', '日本語.txt', '😀.txt', "it's.txt", 'quote".txt', '[brackets]/{braces}.txt', 'star*.txt', 'hash#percent%20.txt', 'back\\\\slash.txt', 'line\\nbreak.txt'])
      write(at('names/' + name), 'x');
    write(at('long/' + 'd'.repeat(120) + '/' + 'e'.repeat(120) + '/' + 'f'.repeat(200) + '.txt'));
    mkdirSync(at('empty/in/empty'), { recursive: true });
    // Nx's own remote cache preserves the modes of files but not those of folders.
    mkdirSync(at('private'), { mode: kind === 'fresh' ? 0o700 : 0o755 });
    write(at('private/file'));
    mkdirSync(at('links'));
    symlinkSync('../plain.txt', at('links/to-file'));
    symlinkSync('../bin', at('links/to-folder'));
    symlinkSync('to-file', at('links/to-link'));
    symlinkSync('../missing', at('links/to-nothing'));
    linkSync(at('plain.txt'), at('links/hard'));
  },
  chosen(root, options, extra) {
    write(join(root, 'gen/a.js'));
    write(join(root, 'gen/deep/b.js'));
    write(join(root, 'gen/deep/c.skip.js'));
    write(join(root, 'gen/not-an-output.txt'));
    write(join(root, 'report.json'), '{}');
    write(join(options, 'by-option.txt'));
    write(join(extra, 'file.txt'));
  },
  existing(folder) {
    write(join(folder, 'new.txt'));
  },
  leaving(folder) {
    rmSync(folder, { recursive: true, force: true });
    write(join(folder, 'file.txt'));
    symlinkSync('/etc/hostname', join(folder, 'leaves'));
  },
  many(folder, count) {
    for (let index = 0; index < Number(count); index++) write(join(folder, String(index % 100), index + '.txt'), 'file ' + index + '\\n');
  },
  big(folder, bytes) {
    write(join(folder, 'big.bin'), 'begin');
    // Sparse: it takes no space where it is created.
    truncateSync(join(folder, 'big.bin'), Number(bytes));
    appendFileSync(join(folder, 'big.bin'), 'end');
  },
  tail(path) {
    const end = Buffer.alloc(8);
    const file = openSync(path, 'r');
    readSync(file, end, 0, 8, lstatSync(path).size - 8);
    closeSync(file);
    console.log(lstatSync(path).size + ' bytes, ' + JSON.stringify(end.toString('latin1')));
  },
  nothing() {},
  look(...paths) {
    const seen = createHash('sha256');
    let count = 0;
    const visit = (path) => {
      const stat = lstatSync(path, { throwIfNoEntry: false });
      const mode = stat && (stat.mode & 0o7777).toString(8);
      const line = !stat ? 'missing'
        : stat.isSymbolicLink() ? 'link to ' + readlinkSync(path)
        : stat.isDirectory() ? 'folder ' + mode
        : 'file ' + mode + ' ' + createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 12);
      if (count++ < 100) console.log(JSON.stringify(path) + ' ' + line);
      seen.update(path + line);
      if (stat && stat.isDirectory()) for (const name of readdirSync(path).sort()) visit(join(path, name));
    };
    paths.forEach(visit);
    console.log(count + ' entries ' + seen.digest('hex'));
  },
};
kinds[what](...args);
// Plain Nx can lose the output of a command that ends immediately.
if (what === 'look' || what === 'tail') setTimeout(() => undefined, 100);
`;

const run = (what: string, ...args: string[]): string => ['node tools/outputs.cjs', what, ...args].join(' ');

interface Kind {
  /** Command of the task that writes. */
  readonly make: (root: string, name: string) => string;
  readonly outputs: readonly string[];
  /** What its dependent checks, usually on another agent. */
  readonly look: (root: string, name: string) => readonly string[];
  readonly options?: (name: string) => object;
}

/** Number of files that `many` writes. */
export const MANY = 10_000;

const KINDS: Readonly<Record<string, Kind>> = {
  shapes: {
    make: (_root, name) => run('shapes', `dist/${name}`, name.endsWith('-fresh') ? 'fresh' : 'cached'),
    outputs: ['{workspaceRoot}/dist/{projectName}'],
    look: (_root, name) => [`dist/${name}`],
  },
  chosen: {
    make: (root, name) => run('chosen', root, `built/${name}`, `extra/${name}`),
    outputs: [
      '{projectRoot}/gen/**/*.js',
      '!{projectRoot}/gen/**/*.skip.js',
      '{projectRoot}/report.json',
      '{options.outputPath}',
      '{workspaceRoot}/extra/{projectName}',
      '{projectRoot}/never-written',
    ],
    look: (root, name) => [
      `${root}/gen/a.js`,
      `${root}/gen/deep/b.js`,
      `${root}/report.json`,
      `built/${name}`,
      `extra/${name}`,
      `${root}/never-written`,
    ],
    options: (name) => ({ outputPath: `built/${name}` }),
  },
  existing: {
    make: (root) => run('existing', `${root}/out`),
    outputs: ['{projectRoot}/out'],
    look: (root) => [`${root}/out`],
  },
  leaving: {
    make: (_root, name) => run('leaving', `dist/${name}`),
    outputs: ['{workspaceRoot}/dist/{projectName}'],
    look: (_root, name) => [`dist/${name}`],
  },
  many: {
    // Nx itself transfers what is cached; ours is the other way.
    make: (_root, name) => run('many', `dist/${name}`, String(name.endsWith('-fresh') ? MANY : MANY / 10)),
    outputs: ['{workspaceRoot}/dist/{projectName}'],
    look: (_root, name) => [`dist/${name}`],
  },
  nothing: { make: () => run('nothing'), outputs: [], look: () => [] },
  absent: {
    make: () => run('nothing'),
    outputs: ['{projectRoot}/absent'],
    look: (root) => [`${root}/absent`],
  },
};

const SCRIPTS = ['{workspaceRoot}/tools/**/*'];

const project = (kind: Kind, root: string, name: string, cache: boolean): SampleProject => ({
  root,
  targets: {
    make: {
      executor: 'nx:run-commands',
      cache,
      // What they write is not an input of anything, although git does not ignore it.
      inputs: SCRIPTS,
      outputs: kind.outputs,
      options: { command: kind.make(root, name), ...kind.options?.(name) },
    },
    look: {
      cache: true,
      inputs: SCRIPTS,
      dependsOn: ['make'],
      command: run('look', ...kind.look(root, name)),
    },
  },
});

/** Size of the one big file, slightly more than 31 bits can represent. */
export const BIG_BYTES = 2 * 1024 ** 3;

const bigProject = (name: string, cache: boolean): SampleProject => ({
  root: `libs/${name}`,
  targets: {
    'make-big': {
      cache,
      inputs: SCRIPTS,
      outputs: ['{workspaceRoot}/dist/{projectName}'],
      command: run('big', `dist/${name}`, String(BIG_BYTES)),
    },
    'look-big': {
      cache: true,
      inputs: SCRIPTS,
      dependsOn: ['make-big'],
      command: run('tail', `dist/${name}/big.bin`),
    },
  },
});

export const BIG_PROJECTS: Record<string, SampleProject> = {
  'big-cached': bigProject('big-cached', true),
  'big-fresh': bigProject('big-fresh', false),
};

/** Each kind of output, from a task that Nx caches and from one that it does not: the two travel in different ways. */
export const OUTPUT_PROJECTS: Record<string, SampleProject> = Object.fromEntries(
  Object.entries(KINDS).flatMap(([name, kind]) =>
    [true, false].map((cache) => {
      const full = `${name}-${cache ? 'cached' : 'fresh'}`;
      return [full, project(kind, `libs/${full}`, full, cache)];
    }),
  ),
);

export const OUTPUT_FILES: Record<string, FileContent> = {
  'tools/outputs.cjs': SCRIPT,
  // Outputs that are in the repository: they exist before the task runs for the first time.
  'libs/existing-cached/out/old.txt': 'old\n',
  'libs/existing-fresh/out/old.txt': 'old\n',
};
