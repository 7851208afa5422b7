import { REPOSITORY_NX } from '../../checks/test-support/graph';
import { workspace } from '../test-support/workspace';
import { detectImage } from './detect-image';

/** All of 22, 24 and 26 have long-term support. */
const NOW = new Date('2026-11-30');

const image = (manifest: object, files: Record<string, string> = {}): string => {
  const tree = workspace({ ...files, 'package.json': JSON.stringify(manifest) });
  return detectImage(Object.assign(tree, { root: REPOSITORY_NX }), NOW);
};

describe('detectImage', () => {
  it.each([
    [{}, { '.nvmrc': 'v20.11.1\n' }, '20.11.1'],
    [{}, { '.nvmrc': 'lts/*' }, 'lts'],
    [{}, { '.nvmrc': 'lts/jod' }, 'jod'],
    [{}, { '.node-version': '24' }, '24'],
    [{ volta: { node: '22.11.0' } }, {}, '22.11.0'],
    [{}, { '.tool-versions': 'python 3.12\nnodejs 24.1.0\n' }, '24.1.0'],
    [{}, { '.tool-versions': 'node 24.1.0 22.0.0' }, '24.1.0'],
    [{ engines: { node: '>=18' } }, {}, '22'],
    [{ engines: { node: '^24.0.0' } }, {}, '24'],
    [{ engines: { node: '>=24.3 || ^22.12' } }, {}, '22'],
    [{ engines: { node: '~24.3.1' } }, {}, '24.3'],
    [{ engines: { node: '24.3.1' } }, {}, '24.3.1'],
    [{ engines: { node: '^20.11' } }, {}, '20'],
    [{ engines: { node: 'current' } }, {}, '22'],
    [{ devEngines: { runtime: { name: 'node', version: '^24' } } }, {}, '24'],
    [{}, {}, '22'],
  ])('with %j and %j is node:%s', (manifest, files, tag) => {
    expect(image(manifest, files)).toBe(`node:${tag}`);
  });

  it('takes a file before volta, and volta before engines', () => {
    const manifest = { volta: { node: '22.1.0' }, engines: { node: '24' } };
    expect(image(manifest, { '.nvmrc': '20' })).toBe('node:20');
    expect(image(manifest)).toBe('node:22.1.0');
  });
});
