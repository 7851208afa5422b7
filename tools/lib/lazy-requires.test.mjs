import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import ts from 'typescript';
import { hasEagerRequires, withLazyRequires } from './lazy-requires.mjs';

const OPTIONS = { module: 'commonjs', target: 'es2022', esModuleInterop: true };
const compiled = (source) =>
  ts.transpileModule(source, {
    compilerOptions: { ...OPTIONS, module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  }).outputText;

describe('withLazyRequires', () => {
  let folder;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'dte-lazy-'));
    mkdirSync(join(folder, 'inner'));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** Loads the sources with lazy requires; `loaded` names those whose code has run. */
  function load(sources) {
    globalThis.lazyLoaded = [];
    for (const [name, source] of Object.entries(sources)) {
      const text = compiled(`(globalThis as any).lazyLoaded.push('${name}');\n${source}`);
      writeFileSync(join(folder, `${name}.js`), withLazyRequires(text));
    }
    const require = createRequire(join(folder, 'index.js'));
    for (const name of Object.keys(sources)) delete require.cache[join(folder, `${name}.js`)];
    return { main: require(join(folder, 'main.js')), loaded: globalThis.lazyLoaded };
  }

  it('loads a module when something of it is first used, and once', () => {
    const { main, loaded } = load({
      main: "import { one } from './first'; import { two } from './second'; export const sum = () => one + two; export const first = () => one;",
      first: 'export const one = 1;',
      second: 'export const two = 2;',
    });
    assert.deepEqual(loaded, ['main']);
    assert.equal(main.first(), 1);
    assert.deepEqual(loaded, ['main', 'first']);
    assert.equal(main.sum() + main.sum(), 6);
    assert.deepEqual(loaded, ['main', 'first', 'second']);
  });

  it('keeps every way of using an import', () => {
    const { main } = load({
      main: [
        "import { Base, make, tag, type Shape } from './uses';",
        "import whole, * as all from './uses';",
        "import path from 'node:path';",
        'class Derived extends Base { constructor() { super(2); } }',
        'const shape: Shape = { size: 1 };',
        "export const values = () => [new Base(1).size, new Derived().size, make(3), tag`x`, whole, all.make(4), { make }.make(5), `${make(6)}`, shape.size, path.posix.join('a', 'b')];",
        'export const kind = (value: unknown) => value instanceof Base;',
      ].join('\n'),
      uses: "export interface Shape { size: number } export class Base { constructor(readonly size: number) {} }; export const make = (n: number) => n; export const tag = (parts: TemplateStringsArray) => parts[0]; export default 'whole';",
    });
    assert.deepEqual(main.values(), [1, 2, 3, 'x', 'whole', 4, 5, '6', 1, 'a/b']);
    assert.equal(main.kind({}), false);
  });

  it('keeps what an index file exports, and loads only what is asked for', () => {
    const { main, loaded } = load({
      main: "export { one } from './first'; export { two as zwei } from './second'; export * from './third';",
      first: 'export const one = 1;',
      second: 'export const two = 2;',
      third: 'export const three = 3;',
    });
    assert.deepEqual(Object.keys(main).sort(), ['one', 'three', 'zwei']);
    assert.equal(main.zwei, 2);
    assert.deepEqual(loaded, ['main', 'third', 'second']);
  });

  it('registers what a file uses of its imports, and nothing that it only passes on', () => {
    globalThis.dteLazyUses = [];
    const { loaded } = load({
      main: "import { two } from './index'; import { one } from './first'; export const use = () => [two, one];",
      index: "export { two } from './second'; export { three } from './third';",
      first: "import { three } from './third'; export const one = () => three;",
      second: 'export const two = 2;',
      third: 'export const three = 3;',
    });
    const registered = globalThis.dteLazyUses;
    assert.deepEqual(
      registered.map(([file]) => file),
      Array(2).fill(join(folder, 'main.js')),
    );
    registered[0][1]();
    assert.deepEqual(loaded, ['main', 'index', 'second']);
    registered[1][1]();
    assert.deepEqual(loaded, ['main', 'index', 'second', 'first']);
    assert.equal(registered[2][0], join(folder, 'first.js'));
    registered[2][1]();
    assert.deepEqual(loaded.slice(4), ['third']);
  });

  it('keeps the names that `import()` finds', async () => {
    load({
      main: "export { one } from './first'; export { one as eins } from './first'; export const two = 2;",
      first: 'export const one = 1;',
    });
    const { default: _all, ...names } = await import(join(folder, 'main.js'));
    assert.deepEqual({ ...names, __esModule: true }, { __esModule: true, one: 1, eins: 1, two: 2 });
  });

  it('keeps imports for their effect, the number of lines, and a file that is lazy already', () => {
    const text = compiled(
      "import './effect';\nimport { one } from './first';\nexport const two = one + 1;\n",
    );
    const lazy = withLazyRequires(text);
    assert.match(lazy, /^require\("\.\/effect"\);$/m);
    assert.equal(lazy.split('\n').length, text.split('\n').length);
    assert.equal(hasEagerRequires(text), true);
    assert.equal(hasEagerRequires(lazy), false);
    assert.equal(withLazyRequires(lazy), lazy);
  });
});
