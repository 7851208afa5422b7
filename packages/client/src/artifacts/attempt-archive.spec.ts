import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type RemoveHow } from '@org/dte-nx-compat';
import { DteError, LIMITS } from '@org/dte-protocol';
import * as tar from 'tar-stream';
import { plainOutputs, tempFolders } from '@org/dte-testing';
import { type ExtractOptions, extractAttempt, packAttempt, readTerminalOutput } from './index';

const limits = {
  artifactBytes: LIMITS.artifactBytes.value,
  terminalOutputBytes: LIMITS.terminalOutputBytes.value,
};
const meta = { taskId: 'app:build', hash: '123', code: 0, status: 'success' } as const;
const folder = tempFolders();

const put = (root: string, path: string, content: string | Buffer = path, mode = 0o644): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content, { mode });
};
const pack = (workspaceRoot: string, outputs: string[], terminalOutput = ''): Readable =>
  packAttempt({ workspaceRoot, outputs, port: plainOutputs(workspaceRoot), meta, terminalOutput, limits });
const extract = (
  workspaceRoot: string,
  source: Readable,
  outputs: string[] = ['dist'],
  { change = {}, ...how }: Pick<ExtractOptions, 'format' | 'only'> & { change?: Partial<typeof limits> } = {},
) =>
  extractAttempt({
    source,
    workspaceRoot,
    outputs,
    taskId: 'app:build',
    // The gate's spec covers what is declared.
    port: { ...plainOutputs(workspaceRoot), covers: () => (path) => path !== '.git' },
    terminalOutput: 'collect',
    limits: { ...limits, ...change },
    ...how,
  });

type Header = Parameters<tar.Pack['entry']>[0];
/** An archive that our code would never create. */
async function forged(...entries: [Header, string?][]): Promise<Readable> {
  const archive = tar.pack();
  archive.entry({ name: 'meta.json' }, JSON.stringify({ version: 1, ...meta }));
  for (const [header, content = ''] of entries) archive.entry(header, content);
  archive.finalize();
  return Readable.from([gzipSync(await buffer(archive))]);
}
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (thrown: unknown) => (thrown instanceof DteError ? thrown.code : String(thrown)),
  );

describe('an archive that is packed and extracted elsewhere', () => {
  it('restores files, modes, empty folders, inner links and unicode names', async () => {
    const [from, to] = [folder(), folder()];
    put(from, 'dist/app/main.js', 'main');
    put(from, 'dist/app/run.sh', '#!/bin/sh', 0o755);
    put(from, `dist/app/${'läng-日本-'.repeat(15)}/ü.txt`, 'unicode');
    put(from, 'dist/app/empty.txt', '');
    mkdirSync(join(from, 'dist/app/nothing'));
    mkdirSync(join(from, 'dist/app/locked'), { mode: 0o755 });
    put(from, 'dist/app/locked/inside.txt');
    chmodSync(join(from, 'dist/app/locked'), 0o555);
    symlinkSync('main.js', join(from, 'dist/app/link.js'));
    symlinkSync('../app', join(from, 'dist/app/folder-link'));
    symlinkSync('not-there', join(from, 'dist/app/dangling'));
    symlinkSync(join(from, 'dist/app/main.js'), join(from, 'dist/app/absolute.js'));

    const result = await extract(to, pack(from, ['dist', 'dist/app', 'not/there']));

    expect(result.meta).toMatchObject({ version: 1, ...meta });
    const at = (path: string): string => join(to, 'dist/app', path);
    expect(readFileSync(at('main.js'), 'utf8')).toBe('main');
    expect(readFileSync(at(`${'läng-日本-'.repeat(15)}/ü.txt`), 'utf8')).toBe('unicode');
    expect(readFileSync(at('empty.txt'), 'utf8')).toBe('');
    expect(readdirSync(at('nothing'))).toEqual([]);
    expect(statSync(at('run.sh')).mode & 0o777).toBe(0o755);
    expect(statSync(at('main.js')).mode & 0o777).toBe(0o644);
    expect(statSync(at('locked')).mode & 0o777).toBe(0o555);
    expect(readlinkSync(at('link.js'))).toBe('main.js');
    expect(readlinkSync(at('folder-link'))).toBe('../app');
    expect(readlinkSync(at('dangling'))).toBe('not-there');
    expect(readlinkSync(at('absolute.js'))).toBe('main.js');
    chmodSync(join(from, 'dist/app/locked'), 0o755);
    chmodSync(at('locked'), 0o755);
  });

  it('is not believed what a task printed when that is damaged, although the rest is not read', async () => {
    const archive = gunzipSync(await buffer(pack(folder(), [], 'printed')));
    archive[archive.indexOf('printed')]! ^= 1;
    const damaged = Readable.from([gzipSync(archive)]);
    expect(await codeOf(readTerminalOutput(damaged, 'app:build', limits))).toBe('DTE_ARTIFACT_DAMAGED');
  });

  it('can be read for the terminal output alone, and for selected files alone', async () => {
    const [from, to] = [folder(), folder()];
    put(from, 'dist/big.bin', randomBytes(3_000_000));
    put(from, 'dist/report/a.txt', 'report');
    put(to, 'dist/stale.js');
    const source = pack(from, ['dist'], 'printed');
    expect(await readTerminalOutput(source, 'app:build', limits)).toBe('printed');
    expect(source.destroyed).toBe(true);
    const cutOff = Readable.from([Buffer.from('no archive')]);
    expect(await codeOf(readTerminalOutput(cutOff, 'app:build', limits))).toBe('DTE_ARTIFACT_INCOMPLETE');

    const only = (path: string): boolean => path.startsWith('dist/report/');
    await extract(to, pack(from, ['dist'], 'printed'), ['dist'], { only });
    expect(readdirSync(to, { recursive: true }).sort()).toEqual(['dist', 'dist/report', 'dist/report/a.txt']);
  });

  it("is read in Nx's own format, and rejected there as well when it leaves the workspace", async () => {
    const to = folder();
    const cached = async (...entries: [string, string][]): Promise<Readable> => {
      const archive = tar.pack();
      for (const [name, content] of entries) archive.entry({ name }, content);
      archive.finalize();
      const bytes = await buffer(archive);
      // Nx's own headers lack the magic `ustar`; the checksum includes it.
      for (let at = bytes.indexOf('ustar'); at !== -1; at = bytes.indexOf('ustar', at + 1)) {
        const header = bytes.subarray(at - 257, at - 257 + 512);
        header.fill(0, 257, 265);
        header.write('        ', 148);
        const sum = header.reduce((total, byte) => total + byte, 0);
        header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
      }
      return Readable.from([gzipSync(bytes)]);
    };
    const as = { format: 'nx-cache' } as const;
    const end: [string, string][] = [
      ['terminalOutput', 'printed'],
      ['code', '\0\0\0\0'],
    ];
    const result = await extract(to, await cached(['dist/a.txt', 'a'], ...end), ['dist'], as);
    expect(result).toMatchObject({ terminalOutput: 'printed', meta: { code: 0, status: 'success' } });
    expect(readdirSync(to, { recursive: true }).sort()).toEqual(['dist', 'dist/a.txt']);
    const failed = await cached(['terminalOutput', 'no'], ['code', '\0\0\0\u0003']);
    expect((await extract(to, failed, [], as)).meta).toMatchObject({ code: 3, status: 'failure' });
    const odd = await cached(['terminalOutput', 'no'], ['code', 'three']);
    expect(await codeOf(extract(to, odd, [], as))).toBe('DTE_ARTIFACT_UNSAFE');
    const bad = await cached(['../a.txt', 'a'], ...end);
    expect(await codeOf(extract(to, bad, ['dist'], as))).toBe('DTE_ARTIFACT_UNSAFE');
  });

  it('keeps tracked files if it does not contain all that the task would find, and removes what it wrote when it fails', async () => {
    const [from, to] = [folder(), folder()];
    put(from, 'dist/a.js');
    put(from, 'dist/b.js');
    const asked: unknown[] = [];
    const port = {
      ...plainOutputs(to),
      // As with a glob whose matches git tracks.
      remove: (_: unknown, how?: RemoveHow) => void asked.push(how?.keepsTracked),
    };
    const take = (source: Readable, how: Partial<ExtractOptions>) =>
      extractAttempt({
        source,
        workspaceRoot: to,
        outputs: ['dist'],
        taskId: 'app:build',
        port,
        terminalOutput: 'collect',
        limits,
        ...how,
      });
    await take(pack(from, ['dist']), {});
    await take(pack(from, ['dist']), { only: (path) => path === 'dist/a.js' });
    expect(asked).toEqual([false, true]);
    const tooLarge = { limits: { ...limits, artifactBytes: 10 } };
    expect(await codeOf(take(pack(from, ['dist']), tooLarge))).toBe('DTE_ARTIFACT_TOO_LARGE');
    expect(existsSync(join(to, 'dist/a.js'))).toBe(false);
  });

  it('removes the previous files of the outputs, also when the archive has none', async () => {
    const [from, to] = [folder(), folder()];
    put(to, 'dist/stale.js');
    put(to, 'other/kept.js');
    await extract(to, pack(from, ['dist']));
    expect(existsSync(join(to, 'dist'))).toBe(false);
    expect(existsSync(join(to, 'other/kept.js'))).toBe(true);
  });

  it('restores the terminal output byte for byte, including characters outside of the BMP at chunk borders', async () => {
    const text = `${'x'.repeat(64 * 1024 - 1)}${'😀'.repeat(70_000)}\u001b[31mred\u001b[0m\r\n\0end`;
    const result = await extract(folder(), pack(folder(), [], text));
    expect(result.terminalOutput === text).toBe(true);
  });

  it('keeps the end of a terminal output above the limit and reports that', async () => {
    const from = folder();
    const source = packAttempt({
      workspaceRoot: from,
      outputs: [],
      port: plainOutputs(from),
      meta,
      terminalOutput: `${'ä'.repeat(5_000)} the end`,
      limits: { ...limits, terminalOutputBytes: 1_000 },
    });
    const { terminalOutput } = await extract(folder(), source, ['dist'], {
      change: { terminalOutputBytes: 1_000 },
    });
    expect(terminalOutput).toMatch(/^dte: the beginning of this output is omitted.*\nä+ the end$/);
    expect(Buffer.byteLength(terminalOutput)).toBeLessThanOrEqual(1_000);
  });

  it('streams a large file unchanged', async () => {
    const [from, to] = [folder(), folder()];
    const big = Buffer.alloc(24 * 1024 * 1024, 'abcdefghijklmnopqrstuvwxyz0123');
    put(from, 'dist/big.bin', big);
    await extract(to, pack(from, ['dist']));
    const digest = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
    expect(digest(readFileSync(join(to, 'dist/big.bin')))).toBe(digest(big));
  });

  it('packs a hard link as a separate file', async () => {
    const [from, to] = [folder(), folder()];
    put(from, 'dist/a', 'same');
    linkSync(join(from, 'dist/a'), join(from, 'dist/b'));
    await extract(to, pack(from, ['dist']));
    expect(readFileSync(join(to, 'dist/b'), 'utf8')).toBe('same');
  });

  it('replaces a file by a folder and a folder by a file', async () => {
    const [from, to] = [folder(), folder()];
    put(from, 'dist/a/file');
    put(from, 'dist/b');
    put(to, 'dist/a');
    put(to, 'dist/b/file');
    await extract(to, pack(from, ['dist']), ['elsewhere']);
    expect(readFileSync(join(to, 'dist/a/file'), 'utf8')).toBe('dist/a/file');
    expect(readFileSync(join(to, 'dist/b'), 'utf8')).toBe('dist/b');
  });
});

describe('an output that is reached through a link of the workspace', () => {
  const behind = (to: string): string[] =>
    readdirSync(join(to, 'real'), { recursive: true }).sort() as string[];
  const withLink = (): string => {
    const to = folder();
    put(to, 'real/stale.js');
    symlinkSync('real', join(to, 'out'));
    return to;
  };

  it.each([
    ['the link', ['out']],
    ['what is behind it', ['out/a.js', 'out/sub']],
  ])('is restored through the link on the other side, too: %s', async (_, outputs) => {
    const [from, to] = [withLink(), withLink()];
    rmSync(join(from, 'real/stale.js'));
    put(from, 'out/a.js');
    put(from, 'out/sub/b.js');

    await extract(to, pack(from, outputs), outputs);

    expect(readlinkSync(join(to, 'out'))).toBe('real');
    expect(behind(to).filter((path) => path !== 'stale.js')).toEqual(['a.js', 'sub', 'sub/b.js']);
    expect(behind(to).includes('stale.js')).toBe(!outputs.includes('out'));
  });

  it('stays a link if only some of its files are requested', async () => {
    const [from, to] = [withLink(), withLink()];
    put(from, 'out/a.js');
    put(from, 'out/report.txt');
    put(to, 'real/sub/stale.txt');
    const only = (path: string): boolean => path.endsWith('.txt');
    await extract(to, pack(from, ['out']), ['out'], { only });

    expect(readlinkSync(join(to, 'out'))).toBe('real');
    expect(behind(to)).toEqual(['report.txt', 'stale.js', 'sub']);
  });

  it('is a folder if the task replaced the link by a folder', async () => {
    const [from, to] = [folder(), withLink()];
    put(from, 'out/a.js');

    await extract(to, pack(from, ['out']), ['out']);

    expect(lstatSync(join(to, 'out')).isSymbolicLink()).toBe(false);
    expect(readdirSync(join(to, 'out'))).toEqual(['a.js']);
    expect(behind(to)).toEqual(['stale.js']);
  });

  it.each(['..', '../beside'])('does not empty the target of a link to %s', async (target) => {
    const outer = folder();
    const to = join(outer, 'workspace');
    put(to, 'kept');
    put(outer, 'beside/kept');
    mkdirSync(join(to, 'dist'));
    symlinkSync(target, join(to, target === '..' ? 'dist/out' : 'out'));
    const name = target === '..' ? 'dist/out' : 'out';
    const source = await forged([{ name: `outputs/${name}`, type: 'symlink', linkname: target }]);
    await extract(to, source, [name]).catch(() => undefined);
    expect(readFileSync(join(to, 'kept'), 'utf8')).toBe('kept');
    expect(readFileSync(join(outer, 'beside/kept'), 'utf8')).toBe('beside/kept');
  });

  it('is never written through a link that only the archive contains', async () => {
    const to = folder();
    put(to, '.git/config', 'mine');
    const source = await forged(
      [{ name: 'outputs/out', type: 'symlink', linkname: '.git' }],
      [{ name: 'outputs/out/config' }, 'theirs'],
    );
    expect(await codeOf(extract(to, source, ['out']))).toBe('DTE_ARTIFACT_UNDECLARED');
    expect(readFileSync(join(to, '.git/config'), 'utf8')).toBe('mine');
  });

  it('is never written through a link that only the archive contains, wherever the link leads', async () => {
    const to = folder();
    put(to, 'src/config', 'mine');
    const source = await forged(
      [{ name: 'outputs/out', type: 'symlink', linkname: 'src' }],
      [{ name: 'outputs/out/config' }, 'theirs'],
    );
    expect(await codeOf(extract(to, source, ['out']))).toBe('DTE_ARTIFACT_UNSAFE');
    expect(readFileSync(join(to, 'src/config'), 'utf8')).toBe('mine');
  });

  it('does not empty the target of a link that leads into git', async () => {
    const to = folder();
    put(to, '.git/hooks/pre-commit', 'mine');
    symlinkSync('.git/hooks', join(to, 'out'));
    const source = await forged(
      [{ name: 'outputs/out', type: 'symlink', linkname: '.git/hooks' }],
      [{ name: 'outputs/out/pre-commit' }, 'theirs'],
    );
    expect(await codeOf(extract(to, source, ['out']))).toBe('DTE_ARTIFACT_UNDECLARED');
    expect(readFileSync(join(to, '.git/hooks/pre-commit'), 'utf8')).toBe('mine');
  });
});

describe('an output that cannot be packed', () => {
  it('is rejected while packing when its name is not valid text', async () => {
    const from = folder();
    mkdirSync(join(from, 'dist'));
    writeFileSync(Buffer.concat([Buffer.from(join(from, 'dist/')), Buffer.from([0xff, 0xfe])]), '');
    expect(await codeOf(buffer(pack(from, ['dist'])))).toBe('DTE_OUTPUT_NAME');
  });

  it('is rejected while packing when it is a link that leaves the workspace', async () => {
    const from = folder();
    put(from, 'dist/a');
    symlinkSync('/etc', join(from, 'dist/link'));
    expect(await codeOf(buffer(pack(from, ['dist'])))).toBe('DTE_ARTIFACT_UNSAFE');
  });

  it('ends without an error when the reader closes', async () => {
    const from = folder();
    put(from, 'dist/big.bin', Buffer.alloc(8 * 1024 * 1024, 1));
    const source = pack(from, ['dist']);
    await new Promise((resolve) => source.once('readable', resolve));
    source.destroy();
    await new Promise((resolve) => source.once('close', resolve));
  });
});

describe('an unsafe archive is rejected and leaves nothing behind', () => {
  const cases: [string, [Header, string?][]][] = [
    ['an absolute path', [[{ name: 'outputs//etc/evil' }, 'x']]],
    ['an entry beside the outputs', [[{ name: '/etc/evil' }, 'x']]],
    ['a path with ..', [[{ name: 'outputs/dist/../../evil' }, 'x']]],
    ['a link to an absolute path', [[{ name: 'outputs/dist/l', type: 'symlink', linkname: '/etc' }]]],
    ['a link that leaves', [[{ name: 'outputs/dist/l', type: 'symlink', linkname: '../../evil' }]]],
    [
      'links that leave together',
      [
        [{ name: 'outputs/dist/deep/x', type: 'symlink', linkname: '../..' }],
        [{ name: 'outputs/dist/y', type: 'symlink', linkname: 'deep/x/../../evil' }],
      ],
    ],
    ['a hard link', [[{ name: 'outputs/dist/l', type: 'link', linkname: '/etc/passwd' }]]],
    [
      'a character device',
      [[{ name: 'outputs/dist/d', type: 'character-device', devmajor: 1, devminor: 3 }]],
    ],
    ['a block device', [[{ name: 'outputs/dist/d', type: 'block-device', devmajor: 8, devminor: 0 }]]],
    ['a named pipe', [[{ name: 'outputs/dist/p', type: 'fifo' }]]],
  ];

  it.each(cases)('%s', async (_, entries) => {
    const outer = folder();
    const to = join(outer, 'workspace');
    mkdirSync(to);
    const source = await forged([{ name: 'outputs/dist/before' }, 'x'], ...entries);
    expect(await codeOf(extract(to, source))).toBe('DTE_ARTIFACT_UNSAFE');
    expect(existsSync(join(to, 'dist'))).toBe(false);
    expect(readdirSync(outer)).toEqual(['workspace']);
    expect(source.destroyed).toBe(true);
  });

  it('a file below a link of the archive never follows the link', async () => {
    const to = folder();
    const target = folder();
    const source = await forged(
      [{ name: 'outputs/dist/l', type: 'symlink', linkname: '.' }],
      [{ name: 'outputs/dist/l/file' }, 'x'],
    );
    await codeOf(extract(to, source));
    expect(readdirSync(target)).toEqual([]);
    expect(existsSync(join(to, 'dist/file'))).toBe(false);
  });

  it('a file below a link of the workspace that leaves it', async () => {
    const [to, outside] = [folder(), folder()];
    symlinkSync(outside, join(to, 'dist'));
    expect(await codeOf(extract(to, await forged([{ name: 'outputs/dist/file' }, 'x']), []))).toBe(
      'DTE_ARTIFACT_UNSAFE',
    );
    expect(readdirSync(outside)).toEqual([]);
  });

  it('a file in place of a link of the workspace replaces the link, not its target', async () => {
    const [to, outside] = [folder(), folder()];
    put(outside, 'target', 'untouched');
    symlinkSync(join(outside, 'target'), join(to, 'file'));
    await extract(to, await forged([{ name: 'outputs/file' }, 'new']), []);
    expect(readFileSync(join(outside, 'target'), 'utf8')).toBe('untouched');
    expect(lstatSync(join(to, 'file')).isSymbolicLink()).toBe(false);
  });

  it('an archive of another task', async () => {
    const archive = tar.pack();
    archive.entry({ name: 'meta.json' }, JSON.stringify({ version: 1, ...meta, taskId: 'other:build' }));
    archive.finalize();
    const source = Readable.from([gzipSync(await buffer(archive))]);
    expect(await codeOf(extract(folder(), source))).toBe('DTE_ARTIFACT_UNSAFE');
  });
});

describe('a damaged archive', () => {
  it.each([
    ['cut off in the gzip stream', (whole: Buffer) => whole.subarray(0, whole.length - 20)],
    ['cut off in the tar', (whole: Buffer) => gzipSync(gunzipSync(whole).subarray(0, 2_000))],
    ['no gzip at all', () => Buffer.from('<html>502</html>')],
    ['empty', () => gzipSync(Buffer.alloc(1024))],
  ])('%s is incomplete and leaves nothing behind', async (_, damage) => {
    const [from, to] = [folder(), folder()];
    put(from, 'dist/a', Buffer.alloc(5_000, 7));
    const whole = await buffer(pack(from, ['dist'], 'output'));
    expect(await codeOf(extract(to, Readable.from([damage(whole)])))).toBe('DTE_ARTIFACT_INCOMPLETE');
    expect(existsSync(join(to, 'dist'))).toBe(false);
  });

  it('whose download breaks off is incomplete', async () => {
    const source = new Readable({ read: () => undefined });
    const extracting = codeOf(extract(folder(), source));
    source.destroy(new Error('socket hang up'));
    expect(await extracting).toBe('DTE_ARTIFACT_INCOMPLETE');
  });

  it('that unpacks to more than the limit is too large', async () => {
    const from = folder();
    put(from, 'dist/zeros', Buffer.alloc(100_000));
    const extracting = extract(folder(), pack(from, ['dist']), ['dist'], {
      change: { artifactBytes: 50_000 },
    });
    expect(await codeOf(extracting)).toBe('DTE_ARTIFACT_TOO_LARGE');
  });
});
