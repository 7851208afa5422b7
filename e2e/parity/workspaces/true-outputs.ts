import { type FileContent, LinkTo, type SampleProject } from '@org/dte-testing';

/** Makes outputs of one kind below a project, or prints what is there. */
const SCRIPT = `
const { lstatSync, mkdirSync, readFileSync, readdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const [what, root] = process.argv.slice(2);
const write = (path) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), path);
};
const link = (target, path) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  rmSync(join(root, path), { recursive: true, force: true });
  symlinkSync(target, join(root, path));
};
const remove = (path) => rmSync(join(root, path), { recursive: true });
const kinds = {
  through() {
    write('out/a.js');
    write('out/sub/b.js');
  },
  emptied() {
    remove('out');
    mkdirSync(join(root, 'out'));
  },
  deleted() {
    remove('out');
  },
  cleared() {
    remove('out/old.js');
    write('out/new.js');
  },
  unlinked() {
    remove('out');
    write('out/a.js');
  },
  links() {
    write('out/all.txt');
    write('out/sub/b.txt');
    link('all.txt', 'out/link.txt');
    link('sub', 'out/folder');
    link('missing', 'out/dangling');
    link('../project.json', 'out/elsewhere');
  },
  latest() {
    write('out/a.js');
    link('out', 'latest');
  },
  js() {
    write('out/a.js');
    write('out/js/b.js');
  },
  types() {
    write('out/types/a.d.ts');
    write('out/a.d.ts');
  },
  look() {
    const visit = (path) => {
      const stat = lstatSync(path, { throwIfNoEntry: false });
      if (!stat) return console.log(path + ' missing');
      if (stat.isSymbolicLink()) console.log(path + ' link to ' + readlinkSync(path));
      else if (stat.isFile()) console.log(path + ' file ' + readFileSync(path, 'utf8'));
      else console.log(path + ' folder');
      if (stat.isDirectory()) for (const name of readdirSync(path).sort()) visit(join(path, name));
    };
    for (const name of ['out', 'latest', 'real']) visit(join(root, name));
  },
};
kinds[what]();
// Plain Nx can lose the output of a command that ends immediately.
setTimeout(() => undefined, 100);
`;

const inputs = ['{workspaceRoot}/tools/**/*'];
const task = (what: string, root: string, more: object): object => ({
  cache: true,
  inputs,
  command: `node tools/true-outputs.cjs ${what} ${root}`,
  ...more,
});

interface Kind {
  /** The scripts of its tasks, by target. */
  readonly makes: Readonly<Record<string, string>>;
  readonly outputs: readonly string[];
  /** Files that are already in the repository. */
  readonly files?: Readonly<Record<string, FileContent>>;
}

const THROUGH = { out: new LinkTo('real'), 'real/kept.txt': 'kept' };

const KINDS: Readonly<Record<string, Kind>> = {
  through: { makes: { make: 'through' }, outputs: ['out'], files: THROUGH },
  'through-all': { makes: { make: 'through' }, outputs: ['out/**/*.js'], files: THROUGH },
  'through-sub': { makes: { make: 'through' }, outputs: ['out/sub', 'out/a.js'], files: THROUGH },
  emptied: { makes: { make: 'emptied' }, outputs: ['out'], files: { 'out/old.js': 'old' } },
  deleted: { makes: { make: 'deleted' }, outputs: ['out'], files: { 'out/old.js': 'old' } },
  cleared: {
    makes: { make: 'cleared' },
    outputs: ['out/*.js'],
    files: { 'out/old.js': 'old', 'out/kept.txt': 'kept' },
  },
  unlinked: { makes: { make: 'unlinked' }, outputs: ['out'], files: THROUGH },
  links: { makes: { make: 'links' }, outputs: ['out'] },
  latest: { makes: { make: 'latest' }, outputs: ['out', 'latest'] },
  shared: { makes: { js: 'js', types: 'types' }, outputs: ['out'] },
};

/** Each kind once with and once without Nx's cache, because the two travel in different ways. */
const projects = Object.entries(KINDS).flatMap(([name, kind]) =>
  [true, false].map((cache) => ({ name: `${name}-${cache ? 'cached' : 'fresh'}`, kind, cache })),
);

export const TRUE_OUTPUT_PROJECTS: Record<string, SampleProject> = Object.fromEntries(
  projects.map(({ name, kind, cache }) => {
    const root = `libs/${name}`;
    const outputs = kind.outputs.map((output) => `{projectRoot}/${output}`);
    const makes = Object.entries(kind.makes).map(([target, what]): [string, object] => [
      target,
      task(what, root, { cache, outputs }),
    ]);
    const look = task('look', root, { dependsOn: Object.keys(kind.makes) });
    return [name, { root, targets: { ...Object.fromEntries(makes), look } }];
  }),
);

export const TRUE_OUTPUT_FILES: Record<string, FileContent> = {
  'tools/true-outputs.cjs': SCRIPT,
  ...Object.fromEntries(
    projects.flatMap(({ name, kind }) =>
      Object.entries(kind.files ?? {}).map(([path, content]) => [`libs/${name}/${path}`, content]),
    ),
  ),
};
