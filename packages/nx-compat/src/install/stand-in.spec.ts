import { standIn } from './stand-in';

class Node {
  constructor(readonly value: number) {}
}

const EXPORTS = { Node, parse: (text: string) => `parsed ${text}`, nothing: undefined };
Object.defineProperty(EXPORTS, '__esModule', { value: true });
type Exports = typeof EXPORTS & { added?: number };

/** As tslib and TypeScript write it. */
const importStar = (module: Record<string, unknown>): Record<string, unknown> => {
  if (module['__esModule']) return module;
  const result: Record<string, unknown> = { default: module };
  for (const key of Object.getOwnPropertyNames(module)) result[key] = module[key];
  return result;
};

describe('a stand-in for a module', () => {
  const make = <T>(exports: T) => {
    const load = jest.fn(() => exports);
    return { load, module: standIn(load) as T };
  };

  it('loads the module when it is first used, and only once', () => {
    const { load, module } = make<Exports>(EXPORTS);
    expect(load).not.toHaveBeenCalled();
    expect(module.parse('a')).toBe('parsed a');
    expect(module.parse('b')).toBe('parsed b');
    expect(load).toHaveBeenCalledTimes(1);
  });

  it('has the exports of the module, with what they are', () => {
    const { module } = make<Exports>(EXPORTS);
    const { Node: Same, ...rest } = module;
    expect(Same).toBe(Node);
    expect(new module.Node(1)).toBeInstanceOf(module.Node);
    expect(Object.keys(module)).toEqual(Object.keys(EXPORTS));
    expect(Object.keys(rest)).toEqual(['parse', 'nothing']);
    expect(Object.getOwnPropertyNames(module)).toEqual(Object.getOwnPropertyNames(EXPORTS));
    expect('nothing' in module && !('other' in module)).toBe(true);
    expect(Object.getPrototypeOf(module)).toBe(Object.prototype);
    expect(importStar(module)).toBe(module);
  });

  it('changes the module itself', () => {
    const exports: Exports = { ...EXPORTS };
    const { module } = make(exports);
    module.added = 1;
    expect(exports.added).toBe(1);
    Object.defineProperty(module, 'added', { value: 2 });
    expect(exports.added).toBe(2);
    delete module.added;
    expect('added' in exports).toBe(false);
  });

  it('is a function or a class if the module is one', () => {
    const spin = Object.assign((text: string) => `spins ${text}`, { promise: 'waits' });
    const { module } = make(spin);
    expect(module('a')).toBe('spins a');
    expect(module.promise).toBe('waits');
    expect(importStar(module as never)['promise']).toBe('waits');
    class Derived extends make(Node).module {}
    expect(new Derived(3)).toBeInstanceOf(Node);
    expect(new Derived(3)).toMatchObject({ value: 3 });
  });

  it('answers what is known without the module', () => {
    const load = jest.fn(() => EXPORTS);
    const module = standIn(load, { __esModule: true }) as Record<string, unknown>;
    expect(importStar(module)).toBe(module);
    expect(load).not.toHaveBeenCalled();
    expect(module['parse']).toBe(EXPORTS.parse);
  });

  it('fails as the module does, as often as it is used', () => {
    const load = jest.fn(() => {
      throw new Error('no such file');
    });
    const module = standIn(load) as Exports;
    expect(() => module.parse('a')).toThrow('no such file');
    expect(() => module.parse('a')).toThrow('no such file');
    expect(load).toHaveBeenCalledTimes(2);
  });
});
