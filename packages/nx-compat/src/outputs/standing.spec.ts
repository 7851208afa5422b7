import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { standingOf } from './expand';

it('tells what is absent, and what is or leads through a link, also one that leads nowhere or out of the workspace', () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'dte-standing-')));
  try {
    mkdirSync(join(root, 'libs/a'), { recursive: true });
    writeFileSync(join(root, 'libs/a/file'), '');
    symlinkSync('libs', join(root, 'packages'));
    symlinkSync('nowhere', join(root, 'dangling'));
    symlinkSync('/', join(root, 'out'));
    const standing = (...paths: string[]): string[] => paths.map((path) => standingOf(root, path));
    expect(standing('libs', 'libs/a', 'libs/a/file')).toEqual(['direct', 'direct', 'direct']);
    expect(standing('packages', 'packages/a', 'dangling', 'out', 'out/tmp')).toEqual(Array(5).fill('linked'));
    expect(standing('libs/b', 'libs/a/file/below', 'dangling/below', 'nowhere')).toEqual(
      Array(4).fill('absent'),
    );
    // The workspace itself may be reached through a link.
    symlinkSync(root, join(root, 'workspace'));
    expect(standingOf(join(root, 'workspace'), 'libs/a')).toBe('direct');
  } finally {
    rmSync(root, { recursive: true });
  }
});
