import type { NxTask } from '../model/types';
import { runCommandsOf } from './run-commands';

const task = (configuration?: string): NxTask => ({
  id: 'a:build',
  target: { project: 'a', target: 'build', ...(configuration === undefined ? {} : { configuration }) },
  overrides: {},
  outputs: [],
});
const graphWith = (target: Record<string, unknown>) => ({
  nodes: {
    a: {
      name: 'a',
      type: 'lib',
      data: { root: 'a', targets: { build: { executor: 'nx:run-commands', ...target } } },
    },
  },
  dependencies: {},
});

describe('runCommandsOf', () => {
  it.each([
    ['one', { command: 'one' }, ['one']],
    ['one in parts', { command: ['one', '--a'] }, ['one --a']],
    ['several', { commands: ['one', { command: 'two' }] }, ['one', 'two']],
    ['none', {}, []],
  ])('finds %s', (_which, options, commands) => {
    expect(runCommandsOf(task(), graphWith({ options }))).toEqual(commands);
  });

  it('finds those of the configuration, or of the default configuration if none is named', () => {
    const graph = graphWith({
      options: { command: 'one' },
      configurations: { ci: { command: 'two' } },
      defaultConfiguration: 'ci',
    });
    expect(runCommandsOf(task(), graph)).toEqual(['two']);
    expect(runCommandsOf(task('other'), graph)).toEqual(['one']);
  });

  it('finds none for another executor, or for a missing project', () => {
    expect(runCommandsOf(task(), graphWith({ executor: 'x:y', options: { command: 'one' } }))).toEqual([]);
    expect(runCommandsOf(task(), { nodes: {}, dependencies: {} })).toEqual([]);
  });
});
