import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LIMITS } from '@org/dte-protocol';
import { tempFolders } from '@org/dte-testing';
import { readCheckout } from './checkout';
import { readRuntimeValues } from './runtime-values';

const folder = tempFolders();
const limits = { driftFiles: 5, driftFileBytes: 1000, driftCommandMs: LIMITS.driftCommandMs.value };

/** A repository with the workspace in a subfolder. */
function repository(): string {
  const root = folder();
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.com', ...args], {
      cwd: root,
      stdio: 'ignore',
    });
  mkdirSync(join(root, 'ws'));
  git('init', '--quiet');
  for (const name of ['outside', 'ws/edited', 'ws/gone', 'ws/same']) writeFileSync(join(root, name), name);
  writeFileSync(join(root, 'ws/.gitignore'), 'dist\n');
  git('add', '--all');
  git('commit', '--quiet', '--message', 'first');
  return root;
}

it('lists changed, deleted and new files of the workspace, and neither ignored files nor files outside of it', async () => {
  const root = repository();
  writeFileSync(join(root, 'outside'), 'x');
  writeFileSync(join(root, 'ws/edited'), 'x');
  rmSync(join(root, 'ws/gone'));
  mkdirSync(join(root, 'ws/dist'));
  mkdirSync(join(root, 'ws/.nx'));
  writeFileSync(join(root, 'ws/dist/out'), 'x');
  writeFileSync(join(root, 'ws/.nx/cache'), 'x');
  writeFileSync(join(root, 'ws/näw file'), 'x');
  symlinkSync('nowhere', join(root, 'ws/link'));

  const checkout = await readCheckout(join(root, 'ws'), limits);

  expect(checkout).toEqual({
    complete: true,
    changes: {
      edited: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
      gone: 'deleted',
      link: expect.stringMatching(/^\+[0-9a-f]{16}$/) as string,
      'näw file': expect.stringMatching(/^\+[0-9a-f]{16}$/) as string,
    },
  });
  expect(`+${checkout!.changes['edited']}`).toBe(checkout!.changes['näw file']);
});

it('lists the first of many, the size of a large one, and that there are more', async () => {
  const root = repository();
  for (let n = 1; n <= 9; n++) writeFileSync(join(root, `ws/n${n}`), n === 1 ? 'x'.repeat(2000) : 'x');
  const checkout = await readCheckout(join(root, 'ws'), limits);
  expect(Object.keys(checkout!.changes)).toEqual(['n1', 'n2', 'n3', 'n4', 'n5']);
  expect(checkout).toMatchObject({ complete: false, changes: { n1: '+2000 bytes' } });
});

it('is unknown without git', async () => {
  expect(await readCheckout(folder(), limits)).toBeNull();
});

it('reads what runtime inputs print, as one short line, including failures', async () => {
  const values = await readRuntimeValues(
    ['echo one && echo "$TWO"', 'echo no >&2; exit 3', 'yes | head -c 9999'],
    folder(),
    { ...process.env, TWO: 'two' },
    limits,
  );
  expect(values).toEqual({
    'echo one && echo "$TWO"': 'one two',
    'echo no >&2; exit 3': 'failed (3) no',
    'yes | head -c 9999': expect.stringMatching(/^(y ){99}y ?$/) as string,
  });
});
