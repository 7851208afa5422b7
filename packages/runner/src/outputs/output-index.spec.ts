import { outputIndex } from '@org/dte-testing';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readOutputIndexes, writeOutputIndex } from './output-index';

describe('records of outputs that were not restored', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'dte-outputs-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it('are read, the newest first, and other files are skipped', async () => {
    expect(await readOutputIndexes(folder)).toEqual([]);
    const written = [outputIndex('r1', 1, ['a:b']), outputIndex('r2', 2, ['a:c'])];
    for (const each of written) await writeOutputIndex(folder, each);
    writeFileSync(join(folder, 'outputs', 'x.json'), '{');
    expect(await readOutputIndexes(folder)).toEqual(written.reverse());
  });

  it('are kept for the last 50 commands', async () => {
    for (let n = 0; n < 52; n++) await writeOutputIndex(folder, outputIndex(`r${n}`, n, []));
    const left = await readOutputIndexes(folder);
    expect([left.length, left.at(-1)?.runId]).toEqual([50, 'r2']);
  });
});
