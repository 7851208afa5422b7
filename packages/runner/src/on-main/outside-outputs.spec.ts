import { outsideReason } from './outside-outputs';

it.each(['packages/a/../../../../out/up', '../out', '..', './../out/**/*', 'dist/../../out', '..\\out'])(
  'keeps a task with the output %s for the main job',
  (output) => {
    expect(outsideReason({ outputs: ['dist/a', output] })).toBe('outputs outside the workspace');
  },
);

it.each(['packages/a/../b/dist', '..dist', 'dist/..', '.', '', '!../out', '/dist'])(
  'treats %s as an output inside',
  (output) => expect(outsideReason({ outputs: [output] })).toBeNull(),
);
