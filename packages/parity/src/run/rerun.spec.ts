import type { PlannedTask } from './plan';
import { rerunsOf } from './rerun';

const PLAN: PlannedTask[] = ['one:build', 'one:test', 'two:test', 'two:build:ci'].map((id) => {
  const [project = '', target = ''] = id.split(':');
  return { id, project, target, place: 'agents' };
});

const commands = (command: string, ids: string[]): string[] =>
  rerunsOf(command.split(' '), ids, PLAN).map((rerun) => rerun.command.join(' '));

describe('rerunsOf', () => {
  it.each([
    [
      'affected -t lint,test --base=main --parallel=2',
      'run-many --targets=test --projects=one,two --parallel=2',
    ],
    [
      'run-many -t build test -p one two --skip-nx-cache',
      'run-many --targets=test --projects=one,two --skip-nx-cache',
    ],
    [
      'run-many --all --target=test -c ci -- --base=x',
      'run-many --targets=test --projects=one,two -c ci -- --base=x',
    ],
  ])('keeps the options of %s that do not select tasks', (command, expected) => {
    expect(commands(command, ['one:test', 'two:test'])).toEqual([expected]);
  });

  it('has one command for each target', () => {
    expect(rerunsOf(['run-many', '-t', 'build,test'], ['one:build', 'two:test'], PLAN)).toEqual([
      { command: ['run-many', '--targets=build', '--projects=one'], ids: ['one:build'] },
      { command: ['run-many', '--targets=test', '--projects=two'], ids: ['two:test'] },
    ]);
  });

  it('repeats a command that it does not know, and one with unknown tasks, as they are', () => {
    expect(commands('run one:build', ['one:build'])).toEqual(['run one:build']);
    expect(commands('run-many -t x', ['three:x'])).toEqual(['run-many -t x']);
  });
});
