import { lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { extractAttempt, nxReader, readTerminalOutput } from '@org/dte-client';
import { DteError, readLimits } from '@org/dte-protocol';
import { plainOutputs } from '@org/dte-testing';
import { randomBytes, TRAVERSALS } from '../hostile';
import { base256, entryBytes, packed, paxRecord, type RawEntry } from '../tar-bytes';
import { mustHold, type Note, type Random, type Running, type Target } from '../target';

const TASK = 'app:build';
const OUTPUTS = ['dist', 'out/app'];
const META = JSON.stringify({ version: 1, taskId: TASK, hash: '42', code: 0, status: 'success' });
/** So small that what is beyond can be tried. */
const MOST_BYTES = 4 * 1024 * 1024;
const limits = { ...readLimits({}).limits, artifactBytes: MOST_BYTES, terminalOutputBytes: 1024 * 1024 };
/** Refusals of an archive; anything else (DTE_INTERNAL, DTE_DISK_FULL) is an error of ours. */
const CODES = [
  'DTE_ARTIFACT_UNSAFE',
  'DTE_ARTIFACT_UNDECLARED',
  'DTE_ARTIFACT_INCOMPLETE',
  'DTE_ARTIFACT_TOO_LARGE',
  'DTE_ARTIFACT_DAMAGED',
];
/** Files of the workspace that no archive may touch. */
const PRECIOUS = [
  '.git/config',
  '.git/hooks/sample',
  'node_modules/nx/index.js',
  'package.json',
  'src/index.ts',
];

type Reader = 'attempt' | 'nx-cache' | 'terminal';

const names = (random: Random): string =>
  random.pick<() => string>([
    () => 'dist/a',
    () => `dist/${random.pick(['a', 'b', 'sub/c', 'sub', 'link/x', 'link'])}`,
    () => `out/app/${random.pick(['a', 'deep/b'])}`,
    () => random.pick(TRAVERSALS),
    () => `dist/${random.pick(TRAVERSALS)}`,
    () =>
      random.pick([
        '.git/config',
        '.GIT/hooks/x',
        'node_modules/nx/index.js',
        'package.json',
        'src/index.ts',
        'dist',
      ]),
    () => random.pick(['dist/./a', 'dist//a', '/dist/a', 'dist/', './dist/a', 'dist/a/', '']),
    () => `dist/${'x'.repeat(random.int(90, 300))}`,
  ])();

const LINKS = [
  'a',
  '../src',
  '/etc/passwd',
  '../../../../../../etc',
  '.',
  '..',
  '',
  'link',
  '../.git',
  'b/../..',
  '\0',
];
const SIZES: readonly (Buffer | string)[] = [
  base256(2 ** 33),
  base256(1, 0xff),
  base256(2 ** 40, 0xff),
  '77777777777 ',
  '-0000000001 ',
  'zzzzzzzzzzz ',
  '            ',
  '00000000000 ',
  '00000000012 ',
];
const TYPES = [
  '0',
  '0',
  '0',
  '\0',
  '1',
  '2',
  '2',
  '3',
  '4',
  '5',
  '5',
  '6',
  '7',
  'S',
  'D',
  'M',
  'N',
  'V',
  'A',
  '9',
  '\xff',
];

/** What a pax header says of the entry behind it. */
function paxOf(random: Random): Buffer {
  const records = [
    paxRecord('path', names(random)),
    paxRecord('linkpath', random.pick(LINKS)),
    paxRecord('size', random.pick(['0', '1', '-1', '1e9', '99999999999999999999', 'NaN', '512'])),
    paxRecord('path', names(random), random.pick(['0', '5', '99999999', '-3', 'x', ''])),
    paxRecord('GNU.sparse.map', '0,512,1099511627776,1'),
    paxRecord('__proto__', 'polluted'),
    paxRecord('SCHILY.xattr.user.x', '\0\n='),
    'no record at all',
    '\0'.repeat(100),
  ];
  const text = Array.from({ length: random.int(1, 3) }, () => random.pick(records)).join('');
  return entryBytes({ name: 'pax', type: random.pick(['x', 'x', 'g', 'H']), content: Buffer.from(text) });
}

function entriesOf(random: Random, prefix: string): Buffer[] {
  const kind = random.next();
  if (kind < 0.1)
    return [paxOf(random), entryBytes({ name: `${prefix}dist/p`, content: Buffer.from('pax') })];
  if (kind < 0.2) {
    const content = Buffer.from(`${random.chance(0.7) ? prefix : ''}${names(random)}\0`);
    const long: RawEntry = { name: '././@LongLink', type: random.pick(['L', 'K', 'N']), content };
    return [entryBytes(long), entryBytes({ name: `${prefix}dist/l`, type: random.pick(TYPES) })];
  }
  const isLarge = random.chance(0.01);
  return [
    entryBytes({
      name: `${random.chance(0.95) ? prefix : ''}${names(random)}`,
      type: random.chance(0.5) ? '0' : random.pick(TYPES),
      linkname: random.pick(LINKS),
      content: isLarge ? Buffer.alloc(MOST_BYTES + 1) : randomBytes(random, 60),
      mode: random.chance(0.9)
        ? '0000644 '
        : random.pick(['0007777 ', '        ', '\xff\xff\xff\xff\xff\xff\xff\xff', '0000000 ']),
      magic: random.chance(0.9) ? 'ustar\u000000' : random.pick(['ustar  \0', '\0\0\0\0\0\0\0\0', 'junk']),
      prefix: random.chance(0.95) ? '' : random.pick(TRAVERSALS),
      wrongSum: random.chance(0.02),
      ...(random.chance(0.9) ? {} : { size: random.pick(SIZES) }),
    }),
  ];
}

function archiveOf(random: Random, reader: Reader): Buffer {
  const prefix = reader === 'nx-cache' ? '' : 'outputs/';
  const head = reader === 'nx-cache' ? [] : [entryBytes({ name: 'meta.json', content: Buffer.from(META) })];
  const printed = entryBytes({
    name: reader === 'nx-cache' ? 'terminalOutput' : 'terminal-output',
    content: random.chance(0.98) ? Buffer.from('printed') : Buffer.alloc(limits.terminalOutputBytes + 1),
  });
  const code = entryBytes({
    name: 'code',
    content: random.chance(0.9) ? Buffer.alloc(4) : randomBytes(random, 8),
  });
  const entries = Array.from({ length: random.int(0, 4) }, () => entriesOf(random, prefix)).flat();
  const all = reader === 'nx-cache' ? [...entries, printed, code] : [...head, printed, ...entries];
  if (random.chance(0.1)) all.splice(random.int(0, all.length - 1), 1);
  if (random.chance(0.05)) all.splice(random.int(0, all.length), 0, random.pick(all));
  return packed(random, all);
}

/** In pieces, as it comes from a socket. */
function streamOf(random: Random, bytes: Buffer): Readable {
  if (random.chance(0.7)) return Readable.from([bytes]);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 700) pieces.push(bytes.subarray(at, at + 700));
  return Readable.from(pieces);
}

/** A workspace with what an archive must not touch, deep enough below the folder of the target. */
class Workspace {
  readonly root: string;
  private readonly before: string;

  constructor(private readonly folder: string) {
    this.root = join(folder, 'a', 'b', 'c', 'd', 'workspace');
    for (const path of PRECIOUS) {
      mkdirSync(join(this.root, path, '..'), { recursive: true });
      writeFileSync(join(this.root, path), 'mine');
    }
    mkdirSync(join(this.root, 'real'));
    symlinkSync('real', join(this.root, 'out'));
    this.before = this.state();
  }

  /** Nothing but outputs may be different. */
  expectUntouched(): void {
    const now = this.state();
    mustHold(
      now === this.before,
      () => `Files outside of the outputs were changed.\nbefore: ${this.before}\nnow: ${now}`,
    );
  }

  /** Half of an output is worse than none. */
  expectNothingLeft(): void {
    const left = this.filesBelow('dist').concat(this.filesBelow('real/app'), this.filesBelow('cache/42'));
    mustHold(left.length === 0, () => `Left of an archive that was rejected: ${left.join(', ')}`);
  }

  clear(): void {
    for (const path of ['dist', 'real/app', 'cache'])
      rmSync(join(this.root, path), { recursive: true, force: true });
  }

  private filesBelow(path: string): string[] {
    try {
      return readdirSync(join(this.root, path), { recursive: true, withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map(({ name }) => `${path}/${name}`);
    } catch {
      return [];
    }
  }

  private state(): string {
    const above = ['', 'a', 'a/b', 'a/b/c', 'a/b/c/d'].map((path) =>
      readdirSync(join(this.folder, path)).join(),
    );
    const own = ['dist', 'cache'];
    const inside = ['', '.git', '.git/hooks', 'node_modules', 'node_modules/nx', 'src'].map((path) =>
      readdirSync(join(this.root, path))
        .filter((name) => !own.includes(name))
        .join(),
    );
    const behind = readdirSync(join(this.root, 'real')).filter((name) => name !== 'app');
    const contents = PRECIOUS.map((path) => readFileSync(join(this.root, path), 'utf8'));
    const modes = PRECIOUS.map((path) => lstatSync(join(this.root, path)).mode);
    return JSON.stringify([above, inside, behind, contents, modes, 'polluted' in {}]);
  }
}

class Archives {
  private readonly workspace: Workspace;

  constructor(folder: string) {
    this.workspace = new Workspace(folder);
  }

  async attempt(random: Random, note: Note): Promise<void> {
    const reader = random.pick<Reader>(['attempt', 'attempt', 'nx-cache', 'nx-cache', 'terminal']);
    const bytes = archiveOf(random, reader);
    note(bytes);
    const failure = await this.read(reader, streamOf(random, bytes)).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    this.workspace.expectUntouched();
    if (failure !== null) {
      mustHold(failure instanceof DteError, () => 'Not a DteError.');
      mustHold(CODES.includes(failure.code), () => `Rejected with ${failure.code}: ${failure.stack ?? ''}`);
      this.workspace.expectNothingLeft();
    }
    this.workspace.clear();
  }

  private async read(reader: Reader, source: Readable): Promise<unknown> {
    const { root } = this.workspace;
    const port = plainOutputs(root);
    if (reader === 'terminal') return readTerminalOutput(source, TASK, limits);
    if (reader === 'nx-cache') {
      const http = { getCached: () => Promise.resolve(source) };
      const request = {
        hash: '42',
        taskId: TASK,
        outputs: OUTPUTS,
        cacheDirectory: join(root, 'cache'),
        ownOnly: false,
      };
      return nxReader({ http, outputs: port, limits }).retrieve(request);
    }
    const options = { source, workspaceRoot: root, taskId: TASK, outputs: OUTPUTS, port, limits };
    return extractAttempt({ ...options, terminalOutput: 'collect' });
  }
}

/** Archives of a rogue agent: links, absolute and `..` names, devices, lies about sizes, long names, bombs, damage. */
export const archives: Target = {
  name: 'archives',
  share: 100,
  caseMs: 60_000,
  open: (folder): Promise<Running> => Promise.resolve(new Archives(folder)),
};
