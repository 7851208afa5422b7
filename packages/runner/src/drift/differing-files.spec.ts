import type { Checkout } from '@org/dte-agent';
import { differingFiles } from './differing-files';

const checkout = (changes: Record<string, string>, complete = true): Checkout => ({ changes, complete });

it('names each file once, with its state on each side', () => {
  const main = checkout({ same: 'aa', both: 'bb', 'main-new': '+cc', 'agent-gone': 'ee' });
  const agent = checkout({
    same: 'aa',
    both: 'bc',
    'agent-new': '+dd',
    'agent-gone': 'deleted',
    gone: 'deleted',
    edited: 'ff',
  });
  expect(differingFiles(main, agent)).toEqual([
    { path: 'agent-gone', how: 'deleted on the agent, changed on the main job', side: 'both' },
    { path: 'agent-new', how: 'only on the agent', side: 'agent' },
    { path: 'both', how: 'changed differently on the agent and on the main job', side: 'both' },
    { path: 'edited', how: 'changed on the agent, as committed on the main job', side: 'agent' },
    { path: 'gone', how: 'deleted on the agent, as committed on the main job', side: 'agent' },
    { path: 'main-new', how: 'only on the main job', side: 'main' },
  ]);
});

it('reports nothing beyond the end of a truncated list', () => {
  const main = checkout({ a: '1', c: '1' }, false);
  expect(differingFiles(main, checkout({ a: '2', b: '1', c: '1', d: '1' })).map(({ path }) => path)).toEqual([
    'a',
    'b',
  ]);
});

it('is empty if one side has no git', () => {
  expect(differingFiles(null, checkout({ a: '1' }))).toEqual([]);
});
