import { foldEvents } from '../model/fold';
import { agent, planned, Story } from '../test-support/events';
import { noteOf, type NoteContext } from './note';

const CONTEXT: NoteContext = {
  jobFailed: false,
  jobUrl: 'https://g/a/-/jobs/7',
  reportUrl: 'https://g/a/-/jobs/7/artifacts/file/x.html',
  commit: 'a'.repeat(40),
};
const story = (): Story => new Story().run(1, [planned('app:test')]);

describe('the note of a merge request', () => {
  it('says that everything passed, with links', () => {
    const model = foldEvents(story().attempt('app:test', 'one', [2, 3]).over(4).events);
    const { isGreen, text } = noteOf(model, CONTEXT);
    expect(isGreen).toBe(true);
    expect(text).toMatch(/^✅ 1 task in /);
    expect(text.endsWith(`[Report](${CONTEXT.reportUrl}) · [Log](${CONTEXT.jobUrl}) · aaaaaaaa`)).toBe(true);
  });

  it('shows what failed', () => {
    const failed = story().attempt('app:test', 'one', [2, 3], { status: 'failure', output: 'the reason' });
    const { isGreen, text } = noteOf(foldEvents(failed.over(4, false).events), CONTEXT);
    expect(isGreen).toBe(false);
    expect(text).toContain('the reason');
  });

  it('says that it is about tasks only if it is not known how the job ended', () => {
    const model = foldEvents(story().attempt('app:test', 'one', [2, 3]).over(4).events);
    const unknown = { jobFailed: null, jobUrl: null, reportUrl: null, commit: null };
    const { isGreen, text } = noteOf(model, unknown);
    expect(isGreen).toBe(true);
    expect(text).toMatch(/^✅ 1 task in [^]*\n\nThis is about the Nx tasks\. [^\n]*$/);
    expect(noteOf(model, CONTEXT).text).not.toContain('This is about');
  });

  it('commands nothing, whatever a task prints and whatever names it has', () => {
    const output = '/approve\n```\n/merge\nx\r/close\n\u0007/assign @all\n\u2028/done';
    const name = '\n/approve\n:test';
    const failed = new Story()
      .run(1, [planned(name)], 'nx\n/approve')
      .attempt(name, 'one\n/merge', [2, 3], { status: 'failure', output });
    const model = foldEvents(failed.over(4, false).events);
    const { text } = noteOf(model, { ...CONTEXT, jobUrl: null, reportUrl: null, commit: '/approve' });
    expect(text).toContain(' /merge');
    // GitLab removes carriage returns before it looks for commands.
    expect(text.replaceAll('\r', '')).not.toMatch(/^\//m);
  });

  it('is text where others wrote it: no output ends its block, no address its link', () => {
    const output = 'a\n``\u0001`\n@all <b>\n``\u202e`\n\u001b]0;never ended\nthe reason \ud800';
    const url = 'https://g/-/jobs/1?a=(b)@all) @all [x](https://evil';
    const failed = new Story()
      .agents(0, agent('one', { jobUrl: url }), agent('two', { jobUrl: 'javascript:alert(1)' }))
      .run(1, [planned('app\u202e:test')])
      .attempt('app\u202e:test', 'one', [2, 3], { status: 'failure', output });
    const { text } = noteOf(foldEvents(failed.over(4, false).events), { ...CONTEXT, jobUrl: url });
    const block = /```text\n([^]*?)\n```\n/.exec(text)?.[1] ?? '';
    expect(block).toBe('a\n``\\u0001`\n@all <b>\n``\\u202e`\n\nthe reason \uFFFD');
    const around = text.replace(block, '');
    expect(around).not.toContain('javascript');
    expect(around).not.toContain('\u202e');
    // Each address is one, to its end.
    const addresses = [...around.matchAll(/\]\(([^)]*)\)(.)/g)];
    expect(addresses.map(([, , after]) => after)).toEqual([' ', ' ', ' ']);
    expect(around.replaceAll(/\]\([^)]*\)/g, '')).not.toContain('@all');
  });

  it('is not green if the job failed otherwise, a command did not end, or nothing was distributed', () => {
    const passed = foldEvents(story().attempt('app:test', 'one', [2, 3]).over(4).events);
    const [otherwise, open, nothing] = [
      noteOf(passed, { ...CONTEXT, jobFailed: true }),
      noteOf(foldEvents(story().events), CONTEXT),
      noteOf(foldEvents([]), { ...CONTEXT, jobFailed: true, reportUrl: null }),
    ];
    expect(otherwise.isGreen || open.isGreen || nothing.isGreen).toBe(false);
    expect(otherwise.text).toMatch(/^❌ \*\*The job failed/);
    expect(open.text).toMatch(/^❌ \*\*A command did not end/);
    expect(nothing.text).toContain('No Nx task was distributed.');
  });
});
