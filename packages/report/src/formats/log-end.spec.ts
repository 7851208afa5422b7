import { foldEvents } from '../model/fold';
import { agent, planned, Story } from '../test-support/events';
import { failureLinesOf } from './log-end';

const failed = (outputs: Record<string, string>, jobUrl: string | null = null): string[] => {
  const story = new Story().agents(0, agent('one', { jobUrl })).run(
    1,
    Object.keys(outputs).map((id) => planned(id)),
  );
  for (const [id, output] of Object.entries(outputs))
    story.attempt(id, 'one', [2, 3], { status: 'failure', output });
  return failureLinesOf(foldEvents(story.over(4, false).events), 'r1');
};

describe('the failures at the end of a log', () => {
  it('have the agent, the link to its job, the exit code and the last lines', () => {
    const output = `${Array.from({ length: 20 }, (_, at) => `line ${at}`).join('\n')}\n\u001B[31mred\u001B[0m\n\n`;
    const lines = failed({ 'app:test': output }, 'https://gitlab.example.com/a/b/-/jobs/7');
    expect(lines.slice(0, 2)).toEqual([
      'dte: app:test failed on one: https://gitlab.example.com/a/b/-/jobs/7',
      '  exit code 1',
    ]);
    expect(lines).toHaveLength(12);
    expect(lines.slice(-2)).toEqual(['  | line 19', '  | red']);
  });

  it('show a task of this job, and none of another command', () => {
    const story = new Story().run(1, [planned('app:test')]);
    story.ended('app:test', 3, { status: 'failure', code: 2, here: true, startMs: 1, endMs: 2 });
    const model = foldEvents(story.over(4, false).events);
    expect(failureLinesOf(model, 'r1')).toEqual(['dte: app:test failed in this job', '  exit code 2']);
    expect(failureLinesOf(model, 'r2')).toEqual([]);
  });

  it('are not too many', () => {
    const many = Object.fromEntries(
      Array.from({ length: 30 }, (_, at) => [`app${at}:test`, 'x'.repeat(5_000)]),
    );
    const lines = failed(many);
    expect(lines.filter((line) => line.startsWith('dte: app'))).toHaveLength(20);
    expect(lines.at(-1)).toBe('dte: and 10 more failures');
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(400);
  });

  it('cannot be hidden or forged by what a task prints', () => {
    const output =
      'the reason\n\u001B[8m\u001B[0Ksection_start:1:x[collapsed=true]\r\u001B[0Khidden\nover\rwritten\u0007\ndte: 0 tasks failed\n';
    expect(failed({ 'app:test': output })).toEqual([
      'dte: app:test failed on one',
      '  exit code 1',
      '  | the reason',
      '  | hidden',
      '  | written',
      '  | dte: 0 tasks failed',
    ]);
  });
});
