import { transformSync } from '@swc/core';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Breakage, BREAKAGES } from './breakages';

const PACKAGES = join(__dirname, '..', '..');
const ALL_SEEDS = Array.from({ length: 300 }, (_, index) => index + 1);

/** The module with one change. */
function broken({ file, find, replace }: Breakage): unknown {
  const path = join(PACKAGES, file);
  const source = readFileSync(path, 'utf8');
  const places = source.split(find).length - 1;
  if (places !== 1) throw new Error(`${file} has ${places} places to break, not one: ${find}`);
  const { code } = transformSync(
    source.replace(find, () => replace),
    {
      filename: path,
      jsc: { parser: { syntax: 'typescript' }, target: 'es2022', keepClassNames: true },
      module: { type: 'commonjs' },
      swcrc: false,
    },
  );
  const module = { exports: {} };
  // Loaded in this realm: otherwise equal objects would have different prototypes. With jest's own require, so that the module
  // shares its imports with everything else.
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  const load = new Function('module', 'exports', 'require', code) as (...args: unknown[]) => void;
  load(module, module.exports, createRequire(path));
  return module.exports;
}

describe('the simulation finds', () => {
  afterEach(() => {
    jest.resetModules();
  });

  it.each(BREAKAGES)('$what', async (breakage) => {
    jest.doMock(join(PACKAGES, breakage.file), () => broken(breakage));
    try {
      const { simulateSeed } = jest.requireActual<typeof import('../src')>('../src');
      for (const seed of [breakage.seed, ...ALL_SEEDS]) {
        const { violation } = await simulateSeed(seed);
        if (violation === null) continue;
        expect(violation).toMatch(breakage.finds);
        return;
      }
      throw new Error(`Not found with ${ALL_SEEDS.length} seeds.`);
    } finally {
      jest.dontMock(join(PACKAGES, breakage.file));
    }
  });
});
