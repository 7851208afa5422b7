import fs, {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DteError } from '@org/dte-protocol';
import { plainOutputs } from '@org/dte-testing';
import { Ledger } from './ledger';
import { SharedOutputs } from './shared-outputs';
import { OutputSharing, type SharingTask } from './sharing';

let root: string;
let folder: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'dte-shared-spec-'));
  folder = join(root, '.ledger');
});
afterEach(() => rmSync(root, { recursive: true }));

const task = (id: string, outputs: string[], dependencies: string[] = []): SharingTask => ({
  id,
  outputs,
  dependencies,
});
const JS = task('lib:js', ['dist']);
const TYPES = task('lib:types', ['dist']);
const PACK = task('lib:pack', ['dist'], ['lib:js', 'lib:types']);
const OTHER = task('other:js', ['elsewhere']);

const shared = (tasks: SharingTask[], waitMs = 10_000): SharedOutputs =>
  new SharedOutputs({
    workspaceRoot: root,
    folder,
    waitMs,
    port: plainOutputs(root),
    sharing: new OutputSharing(tasks),
  });
const write = (path: string, text = path): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
/** The effect of restoring: everything that the outputs name is replaced. */
const replace =
  (...paths: string[]) =>
  async (): Promise<void> => {
    rmSync(join(root, 'dist'), { recursive: true, force: true });
    paths.forEach((path) => write(path));
  };
const there = (...paths: string[]): string[] => paths.filter((path) => existsSync(join(root, path)));

describe('OutputSharing', () => {
  it.each([
    ['the same folder', ['dist'], true],
    ['a folder below', ['dist/types'], true],
    ['a glob in it', ['dist/*.d.ts'], true],
    ['all of the workspace', ['**/*.d.ts'], true],
    ['a folder beside', ['dist-types'], false],
    ['only what it leaves out', ['types', '!dist/types'], false],
  ])('detects whether another task writes to the same outputs: %s', (_, outputs, isShared) => {
    const sharing = new OutputSharing([JS, task('lib:types', outputs)]);
    expect(sharing.unrelated('lib:js')).toEqual(isShared ? ['lib:types'] : []);
  });

  it('ignores a task that depends on the other, directly or not, because it has seen the files', () => {
    const sharing = new OutputSharing([
      JS,
      task('lib:mid', [], ['lib:js']),
      task('lib:end', ['dist'], ['lib:mid']),
    ]);
    expect([sharing.unrelated('lib:js'), sharing.unrelated('lib:end')]).toEqual([[], []]);
    expect(sharing.overlapping('lib:js')).toEqual(['lib:end']);
  });
});

describe('SharedOutputs', () => {
  it('keeps the files of an unrelated task, and none that were there before', async () => {
    const outputs = shared([JS, TYPES]);
    write('dist/of-an-earlier-run.js');
    await outputs.restoring(JS, replace('dist/a.js'));
    await outputs.restoring(TYPES, replace('dist/types/a.d.ts'));

    expect(there('dist/a.js', 'dist/types/a.d.ts', 'dist/of-an-earlier-run.js')).toEqual([
      'dist/a.js',
      'dist/types/a.d.ts',
    ]);
  });

  it('uses the file of the later task if both have it', async () => {
    const outputs = shared([JS, TYPES]);
    await outputs.restoring(JS, async () => write('dist/both', 'js'));
    await outputs.restoring(TYPES, async () => write('dist/both', 'types'));

    expect(readFileSync(join(root, 'dist/both'), 'utf8')).toBe('types');
  });

  it('lets a task delete what it has seen: the files of its dependencies', async () => {
    const outputs = shared([JS, TYPES, PACK]);
    await outputs.restoring(JS, replace('dist/a.js'));
    await outputs.restoring(PACK, replace('dist/packed'));

    expect(there('dist/a.js', 'dist/packed')).toEqual(['dist/packed']);
  });

  it('keeps the files of a task in the outputs of its dependency when the dependency is restored again', async () => {
    const ASSETS = task('lib:assets', ['dist/assets', 'dist/both'], ['lib:js']);
    const outputs = shared([JS, ASSETS]);
    const js = async (): Promise<void> => {
      await replace('dist/a.js', 'dist/assets/of-js')();
      write('dist/both', 'js');
    };
    await outputs.restoring(JS, js);
    write('dist/assets/logo');
    write('dist/both', 'assets');
    await outputs.made(ASSETS);
    rmSync(join(root, 'dist/a.js'));
    await outputs.restoring(JS, js);

    expect(there('dist/a.js', 'dist/assets/of-js', 'dist/assets/logo')).toHaveLength(3);
    expect(readFileSync(join(root, 'dist/both'), 'utf8')).toBe('assets');
  });

  it('restores the previous files when the restore fails', async () => {
    const outputs = shared([JS, TYPES]);
    await outputs.restoring(JS, replace('dist/a.js'));
    const failing = outputs.restoring(TYPES, async () => {
      await replace('dist/half.d.ts')();
      throw new DteError('DTE_ARTIFACT_INCOMPLETE', 'cut off');
    });

    await expect(failing).rejects.toMatchObject({ code: 'DTE_ARTIFACT_INCOMPLETE' });
    expect(there('dist/a.js', '.nx/dte-aside')).toContain('dist/a.js');
  });

  it('delays a restore until an unrelated task that writes to the same outputs has ended, in any process', async () => {
    const [one, two] = [shared([JS, TYPES]), shared([JS, TYPES])];
    let finish = (): void => undefined;
    const begun = new Promise<void>((resolve) => {
      void one.running([JS], async () => {
        write('dist/half.js');
        resolve();
        await new Promise<void>((done) => (finish = done));
        write('dist/a.js');
      });
    });
    await begun;
    const restored = two.restoring(TYPES, replace('dist/a.d.ts'));
    expect(there('dist/half.js')).toEqual(['dist/half.js']);
    finish();
    await restored;

    expect(there('dist/half.js', 'dist/a.js', 'dist/a.d.ts')).toHaveLength(3);
  });

  it('names the limit that ended the wait', async () => {
    const outputs = shared([JS, TYPES], 1);
    const failing = outputs.running([JS], () => outputs.restoring(TYPES, replace()));
    await expect(failing).rejects.toMatchObject({
      code: 'DTE_OUTPUTS_BUSY',
      message: expect.stringContaining('sharedOutputsMs') as string,
    });
  });

  it('keeps nothing and does not wait if nothing is shared', async () => {
    const outputs = shared([JS, OTHER]);
    await outputs.running([OTHER], () => outputs.restoring(JS, replace('dist/a.js')));
    expect(existsSync(folder)).toBe(false);
  });
});

it('leaves no lock behind when the disk is full', async () => {
  const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  const write = jest.spyOn(fs, 'writeFileSync').mockImplementationOnce(() => {
    throw full;
  });
  const ledger = new Ledger(folder, 100);
  await expect(ledger.replacing([], [], () => Promise.resolve('done'))).rejects.toBe(full);
  write.mockRestore();
  expect(readdirSync(folder)).toEqual([]);
  expect(await ledger.replacing([], [], () => Promise.resolve('done'))).toBe('done');
});

it('takes over from processes that have exited', async () => {
  // No process has this number: Linux ends at 4,194,304.
  const dead = 999_999_999;
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'lock'), String(dead));
  const ledger = new Ledger(folder, 10_000);
  const end = await ledger.begin(['lib:js'], []);
  await end();
  expect(await ledger.replacing(['lib:js'], ['lib:js'], () => Promise.resolve('done'))).toBe('done');
});
