import { DEFAULT_SESSION_SETTINGS, type RendezvousRecord } from '@org/dte-protocol';
import { saysSettings } from './says-settings';

const by = (jobId?: string): RendezvousRecord => ({
  version: 1,
  sessionId: 's',
  url: 'http://h:1',
  generation: 'g',
  expiresAtMs: 9e15,
  ...(jobId === undefined ? {} : { jobId }),
});

describe('saysSettings', () => {
  const open = { state: 'open', settings: DEFAULT_SESSION_SETTINGS } as const;
  const finished = { ...open, state: 'finished' } as const;

  it.each([
    ['the first command of a pipeline', true, null, '1', open, true],
    ['a command after start-ci-run of its job', false, by('1'), '1', open, false],
    ['a command after the agents of its job were released', false, by('1'), '1', finished, false],
    ['the same, when the coordinator has exited as well', true, by('1'), '1', finished, false],
    ['a retried job, when the coordinator has exited', true, by('1'), '2', finished, true],
    ['a retried job, when the old coordinator still runs', false, by('1'), '2', finished, true],
    ['a second main job at the same time', false, by('1'), '2', open, false],
    ['a machine without CI that starts a coordinator', true, by(), undefined, finished, true],
    ['a machine without CI that finds one', false, by(), undefined, finished, false],
  ] as const)('%s', async (_, started, previous, jobId, status, says) => {
    expect(await saysSettings({ started, previous }, jobId, () => Promise.resolve(status))).toBe(says);
  });

  describe('with a coordinator whose address is configured', () => {
    it.each([
      ['the first command of a pipeline', 'open', undefined, '1', true],
      ['a later command of the same job', 'open', '1', '1', false],
      ['a command after the agents of its job were released', 'finished', '1', '1', false],
      ['a retried job', 'finished', '1', '2', true],
      ['a second main job at the same time', 'open', '1', '2', false],
      ['a machine without CI', 'finished', undefined, undefined, false],
    ] as const)('%s', async (_, state, openedBy, jobId, says) => {
      const settings = { ...DEFAULT_SESSION_SETTINGS, ...(openedBy === undefined ? {} : { openedBy }) };
      const located = { started: false, previous: null };
      expect(await saysSettings(located, jobId, () => Promise.resolve({ state, settings }))).toBe(says);
    });
  });
});
