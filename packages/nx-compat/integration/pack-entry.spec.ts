import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { isAmbiguous, packEntry, readSmall } from '../src';
import { NX_VERSIONS } from './install-majors';
import { CODES, type PackResult } from './scenarios/pack';
import { startArtifactServer, type ArtifactServer } from './support/artifact-server';
import { OUTPUT_SHAPES } from './support/output-shapes';
import { makeWorkspace, project, type Workspace } from './support/workspace';

const BLOCK = 512;
const octal = (field: Buffer): number => parseInt(field.toString('latin1'), 8) || 0;

/** The entries of an archive by name, as text, in no order: that of Nx is that of the folder. */
function entriesOf(packed: Buffer): Map<string, string> {
  const tar = gunzipSync(packed);
  const entries = new Map<string, string>();
  let [longName, longTarget]: (string | null)[] = [null, null];
  for (let at = 0; at < tar.length && tar[at] !== 0;) {
    const header = tar.subarray(at, at + BLOCK);
    const textOf = (from: number): string =>
      header
        .subarray(from, from + 100)
        .toString('utf8')
        .replace(/\0.*$/s, '');
    const size = octal(header.subarray(124, 136));
    const content = tar.subarray(at + BLOCK, at + BLOCK + size);
    const type = String.fromCharCode(header[156] ?? 0);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    if (type === 'L') longName = content.toString('utf8').replace(/\0$/, '');
    else if (type === 'K') longTarget = content.toString('utf8').replace(/\0$/, '');
    else {
      const said = [
        type === '\0' ? '0' : type,
        octal(header.subarray(100, 108)).toString(8),
        octal(header.subarray(136, 148)),
      ];
      entries.set(
        longName ?? textOf(0),
        `${said.join(' ')} ${longTarget ?? textOf(157)} ${content.toString('latin1')}`,
      );
      [longName, longTarget] = [null, null];
    }
  }
  return entries;
}

describe.each(NX_VERSIONS)('entries that dte packs, nx %s', (version) => {
  const major = Number.parseInt(version);
  let server: ArtifactServer;
  let here: Workspace;
  let there: Workspace;
  let packed: PackResult;
  let retrieved: PackResult;

  beforeAll(async () => {
    server = await startArtifactServer();
    here = makeWorkspace(version, project('good', { build: 'true' }));
    there = here.clone();
    const remoteCache = { url: server.url, token: 'secret' };
    packed = (await here.run<PackResult>('pack', { remoteCache, how: 'upload' })).result;
    retrieved = (await there.run<PackResult>('pack', { remoteCache, how: 'retrieve' })).result;
  });
  afterAll(async () => {
    here.remove();
    there.remove();
    await server.close();
  });

  it('are what Nx itself uploads: names, kinds, modes, times, targets, contents, output and exit code', () => {
    let compared = 0;
    for (const name of Object.keys(OUTPUT_SHAPES)) {
      const hash = name.replace(/[^a-z0-9]/gi, '');
      const [ours, theirs] = [server.artifacts.get(hash), server.artifacts.get(`ours${hash}`)];
      // 20 follows links, and fails for some: no outputs with links are sent from there.
      if (ours === undefined || theirs === undefined || (major === 20 && entriesHaveLinks(ours))) continue;
      compared += 1;
      expect([name, entriesOf(ours)]).toEqual([name, entriesOf(theirs)]);
    }
    expect(compared).toBeGreaterThan(10);
  });

  it('are the same to the byte if they are small and read at once', () => {
    for (const name of Object.keys(OUTPUT_SHAPES)) {
      const hash = name.replace(/[^a-z0-9]/gi, '');
      const [streamed, small] = [server.artifacts.get(hash), server.artifacts.get(`small${hash}`)];
      if (streamed === undefined || small === undefined)
        throw new Error(`${name} was not packed in both ways`);
      expect([name, gunzipSync(small).equals(gunzipSync(streamed))]).toEqual([name, true]);
    }
  });

  it('arrive unchanged at the HTTP client of Nx', () => {
    for (const [name, said] of Object.entries(retrieved.said)) {
      // 24 rejects links that lead out of their output, 20 does not know any: dte sends those in its own archive.
      if (said.startsWith('error: ') && hasLinks(packed.seen[name] ?? {})) continue;
      // 20 and 21 do not read the exit code, whoever wrote it: failures are not sent from there.
      const code = major < 22 ? 0 : (CODES[name] ?? 0);
      expect([name, said]).toEqual([name, `${String(code)} true`]);
      if (major === 20 && hasLinks(packed.seen[name] ?? {})) continue;
      expect([name, retrieved.seen[name]]).toEqual([name, packed.seen[name]]);
    }
    expect(Object.keys(retrieved.said)).toEqual(Object.keys(OUTPUT_SHAPES));
  });
});

const hasLinks = (seen: Record<string, string>): boolean =>
  Object.values(seen).some((said) => said.startsWith('link '));
const entriesHaveLinks = (packed: Buffer): boolean =>
  [...entriesOf(packed).values()].some((said) => said.startsWith('2 '));

describe('an entry', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'dte-pack-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('without outputs has no folder', async () => {
    const entry = { folder: join(folder, 'missing'), terminalOutput: '', code: 0 };
    expect([...entriesOf(await buffer(packEntry(entry))).keys()]).toEqual(['terminalOutput', 'code']);
    expect(await isAmbiguous(entry)).toBe(false);
  });

  it.each(['code', 'terminalOutput'])('with an output %s cannot be told from its own parts', async (name) => {
    writeFileSync(join(folder, name), '');
    expect(await isAmbiguous({ folder })).toBe(true);
  });

  it('that is small is read at once: what happens to its files then changes nothing', async () => {
    mkdirSync(join(folder, 'dist/sub'), { recursive: true });
    writeFileSync(join(folder, 'dist/sub/a'), 'made');
    const entry = { folder, terminalOutput: 'żółw', code: 1 };
    const expected = entriesOf(await buffer(packEntry(entry)));
    const read = readSmall(entry);
    rmSync(join(folder, 'dist'), { recursive: true });
    expect(entriesOf(read?.pack() ?? Buffer.alloc(0))).toEqual(expected);
    expect(read?.isAmbiguous).toBe(false);
    expect([...entriesOf(readSmall(entry)?.pack() ?? Buffer.alloc(0)).keys()]).toEqual([
      'terminalOutput',
      'code',
    ]);
  });

  it.each(['code', 'terminalOutput'])('that is small with an output %s is ambiguous as well', (name) => {
    writeFileSync(join(folder, name), '');
    expect(readSmall({ folder, terminalOutput: '', code: 0 })?.isAmbiguous).toBe(true);
  });

  it.each([
    ['files are large', () => writeFileSync(join(folder, 'large'), Buffer.alloc(2_000_000)), ''],
    ['terminal output is large', () => undefined, 'x'.repeat(2_000_000)],
    [
      'files are many',
      () => {
        for (let index = 0; index < 300; index++) writeFileSync(join(folder, `file-${String(index)}`), '');
      },
      '',
    ],
  ])('whose %s is not read at once', (_, make, terminalOutput) => {
    make();
    expect(readSmall({ folder, terminalOutput, code: 0 })).toBeNull();
  });

  it('that cannot be read destroys the archive', async () => {
    mkdirSync(join(folder, 'dist'));
    const packing = packEntry({ folder, terminalOutput: '', code: 0 });
    rmSync(join(folder, 'dist'), { recursive: true });
    writeFileSync(join(folder, 'large'), Buffer.alloc(3_000_000, 'x'));
    const read = packing[Symbol.asyncIterator]();
    await read.next();
    writeFileSync(join(folder, 'large'), '');
    await expect(
      (async () => {
        for (let step = await read.next(); step.done !== true; step = await read.next());
      })(),
    ).rejects.toThrow('large changed while it was read');
  });
});
