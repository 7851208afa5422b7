import type { RendezvousRecord } from '@org/dte-protocol';
import { saysSettings } from './says-settings';

const by = (jobId?: string): RendezvousRecord => ({
  ...{ version: 1, sessionId: 's', url: 'http://h:1', generation: 'g', expiresAtMs: 9e15 },
  ...(jobId === undefined ? {} : { jobId }),
});

describe('saysSettings', () => {
  it.each([
    ['the first command of a pipeline', true, null, '1', false, true],
    ['a command after start-ci-run of its job', false, by('1'), '1', false, false],
    ['a command after the agents of its job were let go', false, by('1'), '1', true, false],
    ['the same, when the coordinator has left as well', true, by('1'), '1', true, false],
    ['a job tried again, when the coordinator has left', true, by('1'), '2', true, true],
    ['a job tried again, when the coordinator lingers', false, by('1'), '2', true, true],
    ['a second main job at the same time', false, by('1'), '2', false, false],
    ['a machine without CI that starts a coordinator', true, by(), undefined, true, true],
    ['a machine without CI that finds one', false, by(), undefined, true, false],
  ])('%s', async (_, started, previous, jobId, finished, says) => {
    expect(await saysSettings({ started, previous }, jobId, () => Promise.resolve(finished))).toBe(says);
  });
});
