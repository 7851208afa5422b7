import { readHashInput } from './read-input';

const roots: Record<string, string> = { app: 'packages/app', root: '.', npm: 'packages/npm' };
const read = (name: string) => readHashInput(name, (project) => roots[project]);

it.each([
  ['command', { kind: 'command' }],
  ['env:NODE_ENV', { kind: 'env', name: 'NODE_ENV' }],
  ['runtime:node --version', { kind: 'runtime', command: 'node --version' }],
  ['npm:@nx/js', { kind: 'external', name: '@nx/js' }],
  ['AllExternalDependencies', { kind: 'external', name: 'all installed packages' }],
  [
    'workspace:[{workspaceRoot}/nx.json,{workspaceRoot}/.gitignore]',
    { kind: 'files', patterns: ['nx.json', '.gitignore'] },
  ],
  [
    'app:{projectRoot}/**/*,!{projectRoot}/**/*.{spec,test}.ts',
    { kind: 'files', patterns: ['packages/app/**/*', '!packages/app/**/*.{spec,test}.ts'] },
  ],
  [
    'app:packages/app/**/*,!packages/app/**/*.spec.ts',
    { kind: 'files', patterns: ['packages/app/**/*', '!packages/app/**/*.spec.ts'] },
  ],
  ['root:{projectRoot}/**/*', { kind: 'files', patterns: ['**/*'] }],
  ['npm:{projectRoot}/**/*', { kind: 'files', patterns: ['packages/npm/**/*'] }],
  [
    'app:ProjectConfiguration',
    {
      kind: 'project',
      project: 'app',
      patterns: ['packages/app/project.json', 'packages/app/package.json', 'nx.json'],
    },
  ],
  ['app:TsConfig', { kind: 'tsconfig', patterns: ['tsconfig.base.json', 'tsconfig.json'] }],
  ['**/*.txt:dist/packages/lib,packages/lib/dist', { kind: 'dependency-outputs', pattern: '**/*.txt' }],
  ['what nobody knows', { kind: 'other', name: 'what nobody knows' }],
])('reads %s', (name, input) => {
  expect(read(name)).toEqual(input);
});
