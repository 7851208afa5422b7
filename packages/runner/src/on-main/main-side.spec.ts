import type { NxRunnerContext } from '@org/dte-nx-compat';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Prepared } from '../prepare/prepare';
import { graphOf } from '../test-support/tasks';
import { MainSide } from './main-side';
import type { MainTasksInput } from './main-tasks';

jest.mock('./main-tasks', () => ({
  mainTasks: ({ onElsewhere, onNamed }: MainTasksInput) => {
    onElsewhere?.('app:deploy', 'lib:build');
    onNamed?.('app:publish');
    onNamed?.('other:publish');
    return Promise.resolve(new Map([['app:deploy', 'it may read dist/lib']]));
  },
}));
jest.mock('../main-disk/open-main-disk', () => ({
  openMainDisk: () => ({
    lookAround: () => Promise.resolve(),
    arrived: () => Promise.resolve(),
    absentSoFar: () => Promise.resolve([{ taskId: 'lib:build', absentIn: 'run', outputs: ['dist/lib'] }]),
  }),
}));

/** Outputs that an earlier command has not restored are not available. */
async function lacking(taskIds: string[], coordinatorLost: boolean) {
  const said: string[] = [];
  const node = (name: string) => ({ name, type: 'app', data: { root: name } });
  const side = new MainSide({
    prepared: {
      workspaceRoot: join(__dirname, '../../../..'),
      session: { id: 's' },
      cache: { disconnect: () => undefined },
      resolved: { config: { dataDir: join(tmpdir(), 'dte-no-such-folder') } },
    } as unknown as Prepared,
    graph: graphOf({ 'app:deploy': [], 'app:e2e': [], 'app:publish': [], 'other:publish': [] }),
    context: {
      projectGraph: {
        nodes: { app: node('app'), lib: node('lib'), other: node('other') },
        dependencies: { app: [{ target: 'lib' }] },
      },
    } as unknown as NxRunnerContext,
    command: { isRequested: () => true },
    voice: { line: () => undefined, explain: ({ code }) => void said.push(code) },
  });
  await side.tasks();
  const found = await side.bringEarlier(taskIds, coordinatorLost);
  return { found: [...found].map(([id, { code, message }]) => [id, code, message]), said };
}

it.each([
  [true, /lib:build.*the coordinator is lost/],
  [false, /lib:build.*their location is unknown/],
])(
  'does not run a task without the outputs that are the reason to run it on the main job',
  async (isLost, why) => {
    const { found } = await lacking(['app:deploy', 'app:e2e'], isLost);
    expect(found).toEqual([['app:deploy', 'DTE_OUTPUTS_ELSEWHERE', expect.stringMatching(why)]]);
  },
);

it('does not run a task that an option names without the outputs of its projects', async () => {
  const { found } = await lacking(['app:publish', 'other:publish'], true);
  expect(found.map(([id, code]) => [id, code])).toEqual([['app:publish', 'DTE_OUTPUTS_ELSEWHERE']]);
});

it('runs a task that is on the main job for another reason, and reports what is missing', async () => {
  expect(await lacking(['app:e2e'], false)).toEqual({ found: [], said: ['DTE_OUTPUTS_ELSEWHERE'] });
  expect(await lacking([], true)).toEqual({ found: [], said: [] });
});
