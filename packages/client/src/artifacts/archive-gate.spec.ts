import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { DteError, LIMITS, readLimits } from '@org/dte-protocol';
import * as tar from 'tar-stream';
import { plainOutputs, tempFolders } from '@org/dte-testing';
import { ArchiveGate } from './archive-gate';
import { extractAttempt, nxReader } from './index';

const { limits } = readLimits({});
const folder = tempFolders();
type Entry = [header: Parameters<tar.Pack['entry']>[0], content?: string];

const CODE = '\0\0\0\0';
const META = JSON.stringify({ version: 1, taskId: 'app:build', hash: '42', code: 0, status: 'success' });

/** As a stream, or with a size: then it is read at once. */
let arrives: 'streamed' | 'whole' = 'streamed';

async function packed(entries: readonly Entry[]): Promise<Readable> {
  const archive = tar.pack();
  for (const [header, content = ''] of entries) archive.entry(header, content);
  archive.finalize();
  const bytes = gzipSync(await buffer(archive));
  const source = Readable.from([bytes], { objectMode: false });
  return arrives === 'streamed' ? source : Object.assign(source, { bytes: bytes.length });
}

/** A workspace with files that an archive must not touch. */
function workspace(): string {
  const root = join(folder(), 'workspace');
  mkdirSync(join(root, '.git', 'hooks'), { recursive: true });
  mkdirSync(join(root, 'node_modules', 'nx'), { recursive: true });
  writeFileSync(join(root, '.git', 'config'), 'mine');
  writeFileSync(join(root, 'node_modules', 'nx', 'index.js'), 'mine');
  writeFileSync(join(root, 'package.json'), 'mine');
  return root;
}

/** Everything below a folder, with its content. */
function allOf(root: string, below = ''): string[] {
  return readdirSync(join(root, below), { withFileTypes: true }).flatMap((entry) => {
    const path = join(below, entry.name);
    if (entry.isDirectory()) return [path, ...allOf(root, path)];
    return [entry.isSymbolicLink() ? `${path} ->` : `${path}: ${readFileSync(join(root, path), 'utf8')}`];
  });
}

/** Unpacks our own archive into the workspace. */
const intoWorkspace = async (root: string, outputs: string[], entries: readonly Entry[]): Promise<void> => {
  const named = entries.map(([header, content]): Entry => [
    { ...header, name: `outputs/${header.name}` },
    content,
  ]);
  const source = await packed([[{ name: 'meta.json' }, META], [{ name: 'terminal-output' }], ...named]);
  const port = plainOutputs(root);
  await extractAttempt({
    source,
    workspaceRoot: root,
    taskId: 'app:build',
    outputs,
    port,
    terminalOutput: 'skip',
    limits,
  });
};
/** Unpacks an archive of Nx into a cache inside the workspace. */
const intoCache = async (root: string, outputs: string[], entries: readonly Entry[]): Promise<void> => {
  const source = await packed([
    ...entries,
    [{ name: 'terminalOutput' }, 'printed'],
    [{ name: 'code' }, CODE],
  ]);
  const reader = nxReader({
    http: { getCached: () => Promise.resolve(source) },
    outputs: plainOutputs(root),
    limits,
  });
  const cacheDirectory = join(root, 'cache');
  await reader.retrieve({ hash: '42', taskId: 'app:build', outputs, ownOnly: false, cacheDirectory });
};
const readers = [
  ['an archive of ours', intoWorkspace],
  ["an archive in Nx's format", intoCache],
] as const;

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (thrown: unknown) => (thrown instanceof DteError ? thrown.code : String(thrown)),
  );

const undeclared: [string, string[], Entry[]][] = [
  ['beside its outputs', ['dist'], [[{ name: 'src/index.ts' }, 'evil']]],
  ['a file whose name only begins like an output', ['dist'], [[{ name: 'dist.js' }, 'evil']]],
  ['above its outputs', ['dist/app'], [[{ name: 'dist/other.js' }, 'evil']]],
  ['a file of the workspace', ['dist'], [[{ name: 'package.json' }, 'evil']]],
  ['a package', ['dist'], [[{ name: 'node_modules/nx/index.js' }, 'evil']]],
  ['without any outputs', [], [[{ name: 'dist/a' }, 'evil']]],
  ['a link beside its outputs', ['dist'], [[{ name: 'src', type: 'symlink', linkname: 'dist' }]]],
  ['the hooks of git', ['dist', '.git'], [[{ name: '.git/hooks/pre-commit' }, 'evil']]],
  ['the folder of git', ['.git'], [[{ name: '.git', type: 'directory' }]]],
  ['the hooks of git, in capitals', ['.GIT'], [[{ name: '.GIT/hooks/pre-commit' }, 'evil']]],
  ['the hooks of git, with a dot behind', ['.git.'], [[{ name: '.git./hooks/pre-commit' }, 'evil']]],
  ['git by its short name', ['GIT~1'], [[{ name: 'GIT~1/config' }, 'evil']]],
  ['git by a name that HFS+ takes for it', ['.g\u200cit'], [[{ name: '.g\u200cit/config' }, 'evil']]],
  ['git of a submodule, a folder', ['libs'], [[{ name: 'libs/sub/.git/config' }, 'evil']]],
  ['git of a submodule, a file', ['libs'], [[{ name: 'libs/sub/.git' }, 'gitdir: /evil']]],
  ['a link into git', ['dist'], [[{ name: 'dist/l', type: 'symlink', linkname: '../.git/hooks' }]]],
];
const unsafe: [string, Entry[]][] = [
  ['an absolute path', [[{ name: '/etc/evil' }, 'evil']]],
  ['a path with ..', [[{ name: 'dist/../../evil' }, 'evil']]],
  ['a path of dots only', [[{ name: '..' }, 'evil']]],
  ['a path with a dot in its middle', [[{ name: 'dist/./a' }, 'evil']]],
  ['a hard link', [[{ name: 'dist/l', type: 'link', linkname: 'package.json' }]]],
  ['a named pipe', [[{ name: 'dist/p', type: 'fifo' }]]],
  ['a character device', [[{ name: 'dist/d', type: 'character-device', devmajor: 1, devminor: 3 }]]],
  ['a block device', [[{ name: 'dist/d', type: 'block-device', devmajor: 8, devminor: 0 }]]],
  [
    'a link, and something through it',
    [[{ name: 'dist/l', type: 'symlink', linkname: 'sub' }], [{ name: 'dist/l/package.json' }, 'evil']],
  ],
  [
    'something, and then a link in its way',
    [[{ name: 'dist/l/package.json' }, 'evil'], [{ name: 'dist/l', type: 'symlink', linkname: 'sub' }]],
  ],
  [
    'the same file twice',
    [
      [{ name: 'dist/a' }, 'first'],
      [{ name: 'dist/a' }, 'second'],
    ],
  ],
  [
    'a link and a file of one name',
    [[{ name: 'dist/a', type: 'symlink', linkname: 'b' }], [{ name: 'dist/a' }, 'x']],
  ],
  ['a file and a folder of one name', [[{ name: 'dist/a' }, 'x'], [{ name: 'dist/a', type: 'directory' }]]],
  ['a name that is too long', [[{ name: `dist/${'a'.repeat(256)}` }, 'x']]],
  ['a path that is too long', [[{ name: `dist/${'abcdefgh/'.repeat(500)}x` }, 'x']]],
];

const cases = (['streamed', 'whole'] as const).flatMap((how) =>
  readers.map(([what, extract]) => [what, how, extract] as const),
);

describe.each(cases)('%s, %s,', (_, how, extract) => {
  beforeAll(() => void (arrives = how));
  afterAll(() => void (arrives = 'streamed'));

  it.each(undeclared)(
    'that writes %s is rejected, and leaves nothing behind',
    async (_what, outputs, entries) => {
      const root = workspace();
      const before = allOf(root);
      const good = outputs.filter((output) => !output.startsWith('.') && !output.includes('~'));
      const first = good.map((output): Entry => [{ name: `${output}/first` }, 'good']);
      expect(await codeOf(extract(root, outputs, [...first, ...entries]))).toBe('DTE_ARTIFACT_UNDECLARED');
      // For outputs, the folders above may stay.
      expect(allOf(root).filter((path) => path !== 'dist' && !path.startsWith('cache'))).toEqual(before);
      expect(existsSync(join(root, 'cache', '42'))).toBe(false);
    },
  );

  it.each(unsafe)('that has %s is rejected, and leaves nothing behind', async (_what, entries) => {
    const root = workspace();
    const before = allOf(root);
    const first: Entry = [{ name: 'dist/first' }, 'good'];
    expect(await codeOf(extract(root, ['dist'], [first, ...entries]))).toBe('DTE_ARTIFACT_UNSAFE');
    expect(allOf(root).filter((path) => !path.startsWith('cache'))).toEqual(before);
    expect(readdirSync(join(root, '..'))).toEqual(['workspace']);
    expect(existsSync(join(root, 'cache', '42'))).toBe(false);
  });

  it('contains declared outputs, the folders above them, names that differ in case only, and no set-uid bits', async () => {
    const root = workspace();
    await extract(
      root,
      ['dist/app'],
      [
        [{ name: 'dist', type: 'directory' }],
        [{ name: 'dist/app', type: 'directory', mode: 0o2755 }],
        [{ name: 'dist/app/a', mode: 0o4755 }, 'a'],
        ...(process.platform === 'linux' ? [[{ name: 'dist/app/A' }, 'A'] as Entry] : []),
        [{ name: 'dist/app/.gitignore' }, 'x'],
        [{ name: 'dist/app/node_modules/dep/index.js' }, 'dep'],
        [{ name: 'dist/app/l', type: 'symlink', linkname: 'a' }],
      ],
    );
    const made = extract === intoCache ? join(root, 'cache', '42') : root;
    expect(readFileSync(join(made, 'dist/app/l'), 'utf8')).toBe('a');
    expect(readFileSync(join(made, 'dist/app/node_modules/dep/index.js'), 'utf8')).toBe('dep');
    expect(statSync(join(made, 'dist/app/a')).mode & 0o7777).toBe(0o755);
    if (process.platform === 'linux') expect(readFileSync(join(made, 'dist/app/A'), 'utf8')).toBe('A');
  });
});

it('overwrites but never removes a workspace that is an output, and does not write into git', async () => {
  const root = workspace();
  const outputs = ['.', '.git', '*'];
  const port = { ...plainOutputs(root), covers: () => () => true };
  const extract = async (...entries: Entry[]): Promise<unknown> =>
    extractAttempt({
      source: await packed([[{ name: 'meta.json' }, META], ...entries]),
      workspaceRoot: root,
      outputs,
      port,
      taskId: 'app:build',
      terminalOutput: 'skip',
      limits,
    });
  await extract([{ name: 'outputs/package.json' }, 'new']);
  expect(readFileSync(join(root, 'package.json'), 'utf8')).toBe('new');
  expect(readFileSync(join(root, '.git', 'config'), 'utf8')).toBe('mine');
  expect(await codeOf(extract([{ name: 'outputs/.git/config' }, 'evil']))).toBe('DTE_ARTIFACT_UNDECLARED');
  expect(readFileSync(join(root, '.git', 'config'), 'utf8')).toBe('mine');
});

it('writes an output through a link only if the workspace has the same link', async () => {
  const root = workspace();
  for (const name of ['real', 'other']) mkdirSync(join(root, name));
  symlinkSync('real', join(root, 'out'));
  const port = { ...plainOutputs(root), remove: () => undefined };
  const extract = async (...entries: Entry[]): Promise<unknown> =>
    extractAttempt({
      source: await packed([[{ name: 'meta.json' }, META], ...entries]),
      workspaceRoot: root,
      port,
      outputs: ['out/app'],
      taskId: 'app:build',
      terminalOutput: 'skip',
      limits,
    });
  const through = (linkname: string): Entry => [{ name: 'outputs/out', type: 'symlink', linkname }];
  const FILE: Entry = [{ name: 'outputs/out/app/a' }, 'a'];
  await extract(through('real'), FILE);
  expect(readFileSync(join(root, 'real/app/a'), 'utf8')).toBe('a');
  expect(await codeOf(extract(through('other'), FILE))).toBe('DTE_ARTIFACT_UNDECLARED');
  expect(readdirSync(join(root, 'other'))).toEqual([]);
  expect(await codeOf(extract(through('.git'), FILE))).toBe('DTE_ARTIFACT_UNDECLARED');
});

it('does not write an output through a link of the workspace that leads into git', async () => {
  const root = workspace();
  symlinkSync('.git/hooks', join(root, 'dist'));
  const port = { ...plainOutputs(root), remove: () => undefined };
  const source = await packed([
    [{ name: 'meta.json' }, META],
    [{ name: 'outputs/dist/pre-commit' }, 'evil'],
  ]);
  const extracting = extractAttempt({
    source,
    workspaceRoot: root,
    taskId: 'app:build',
    outputs: ['dist'],
    port,
    terminalOutput: 'skip',
    limits,
  });
  expect(await codeOf(extracting)).toBe('DTE_ARTIFACT_UNSAFE');
  expect(readdirSync(join(root, '.git', 'hooks'))).toEqual([]);
});

it('rejects an archive with more entries than the limit', () => {
  const gate = new ArchiveGate({ taskId: 'app:build', root: '/', isDeclared: () => true });
  for (let i = 0; i < LIMITS.artifactEntries.value; i++) gate.count();
  expect(() => gate.count()).toThrow(expect.objectContaining({ code: 'DTE_ARTIFACT_TOO_LARGE' }) as Error);
});

describe("the entry of Nx's cache", () => {
  const retrieve = (root: string, source: Readable | DteError) =>
    nxReader({
      http: {
        getCached: () => (source instanceof DteError ? Promise.reject(source) : Promise.resolve(source)),
      },
      outputs: plainOutputs(root),
      limits,
    }).retrieve({
      hash: '42',
      taskId: 'app:build',
      outputs: ['dist'],
      ownOnly: false,
      cacheDirectory: join(root, 'cache'),
    });
  const FILE: Entry = [{ name: 'dist/a' }, 'new'];
  const PRINTED: Entry = [{ name: 'terminalOutput' }, 'prïnted'];

  it('has the exit code and the terminal output, and replaces an existing entry', async () => {
    const root = workspace();
    mkdirSync(join(root, 'cache', '42', 'dist'), { recursive: true });
    writeFileSync(join(root, 'cache', '42', 'dist', 'old'), 'old');
    const got = await retrieve(root, await packed([FILE, PRINTED, [{ name: 'code' }, '\0\0\0\x03']]));
    expect(got).toEqual({ code: 3, terminalOutput: 'prïnted', outputsPath: join(root, 'cache', '42') });
    expect(readdirSync(join(root, 'cache', '42', 'dist'))).toEqual(['a']);
    expect(readdirSync(join(root, 'cache', '.dte-unpacking'))).toEqual([]);
  });

  it.each<[string, Entry[]]>([
    ['no exit code', [FILE, PRINTED]],
    ['two exit codes', [FILE, PRINTED, [{ name: 'code' }, '\0\0\0\x01'], [{ name: 'code' }, CODE]]],
    ['an exit code of another length', [FILE, PRINTED, [{ name: 'code' }, '\0']]],
    ['nothing in it', []],
  ])('is not created from an archive with %s', async (_, entries) => {
    const root = workspace();
    expect(await codeOf(retrieve(root, await packed(entries)))).toMatch(/^DTE_ARTIFACT_(INCOMPLETE|UNSAFE)$/);
    expect(readdirSync(join(root, 'cache'))).toEqual(['.dte-unpacking']);
    expect(readdirSync(join(root, 'cache', '.dte-unpacking'))).toEqual([]);
  });

  it('is a miss if there is no artifact, and an error if the artifact is damaged', async () => {
    const root = workspace();
    expect(await retrieve(root, new DteError('DTE_UNKNOWN_HASH', 'none'))).toBeNull();
    expect(await codeOf(retrieve(root, new DteError('DTE_ARTIFACT_DAMAGED', 'x')))).toBe(
      'DTE_ARTIFACT_DAMAGED',
    );
    expect(existsSync(join(root, 'cache'))).toBe(false);
  });
});
