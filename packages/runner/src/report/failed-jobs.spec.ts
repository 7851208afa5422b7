import type { AgentRef } from '@org/dte-protocol';
import { failureLines } from './failed-jobs';

const agent = (name: string, jobUrl: string | null): AgentRef => ({ agentId: name, name, jobUrl });

describe('failureLines', () => {
  it('prints nothing when nothing failed', () => {
    expect(failureLines(new Map())).toEqual([]);
  });

  it('names the job of each failed task with its address, and only the name if there is no address', () => {
    const failedOn = new Map([
      ['app:test', agent('nx-agent 2/3', 'https://gitlab.example.com/a/b/-/jobs/42')],
      ['lib:lint', agent('my-laptop', null)],
    ]);
    expect(failureLines(failedOn)).toEqual([
      'dte: app:test failed on nx-agent 2/3: https://gitlab.example.com/a/b/-/jobs/42',
      'dte: lib:lint failed on my-laptop',
    ]);
  });

  it('stays readable when hundreds fail', () => {
    const failedOn = new Map(Array.from({ length: 300 }, (_, index) => [`p${index}:test`, agent('a', null)]));
    const lines = failureLines(failedOn);
    expect(lines).toHaveLength(21);
    expect(lines.at(-1)).toBe('dte: and 280 more tasks failed on agents');
  });
});
