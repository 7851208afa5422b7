import { sessionKey } from '@org/dte-identity';
import { foldEvents, type SessionModel } from '@org/dte-report';
import { createLog } from '../log/create-log';
import { type PipelineNote, SessionNotes } from './session-notes';

const ISSUER = 'https://gitlab.example.com';
const key = (id: string): string => sessionKey(ISSUER, id);

describe('the notes of sessions', () => {
  let lines: string[];
  let written: PipelineNote[];
  let release: (() => void)[];
  let outcome: () => Promise<string | null>;
  let notes: SessionNotes;

  const model = (): SessionModel =>
    foldEvents([
      { type: 'run', atMs: 1, runId: 'r', command: 'nx affected', parallel: 1, tasks: [] },
      { type: 'run.ended', atMs: 2, runId: 'r', ok: false },
    ]);
  const end = (session: string): Promise<boolean> => {
    notes.finished(session);
    return notes.over(session, model());
  };
  /** Lets everything happen that does not wait for GitLab. */
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const held = (): Promise<string> => new Promise((resolve) => release.push(() => resolve('written')));

  beforeEach(() => {
    [lines, written, release] = [[], [], []];
    outcome = () => Promise.resolve('written');
    notes = new SessionNotes({
      writer: {
        issuer: ISSUER,
        write: (note) => {
          written.push(note);
          return outcome();
        },
      },
      logger: createLog('info', (line) => void lines.push(line)),
      reportUrl: (id) => `https://dte.example.com/ui/${id}/`,
    });
  });
  afterEach(async () => {
    for (const each of release) each();
    await notes.close();
  });

  it('are about the pipeline of the session, and the environment of its main job', async () => {
    void end(key('7-100'));
    await settled();
    void end(key('7-100-staging.eu'));
    expect(written).toMatchObject([
      { projectId: '7', pipelineId: '100', name: 'main', isGreen: false, hasCommands: true },
      { projectId: '7', pipelineId: '100', name: 'staging.eu' },
    ]);
    expect(written[0]?.text).toContain(`[Report](https://dte.example.com/ui/${key('7-100')}/)`);
    await settled();
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info', session: '7-100', msg: 'written' });
  });

  it.each([
    ['of another instance', sessionKey('https://gitlab.example.org', '7-100')],
    ['that nobody has verified', '7-100'],
    ['that is none of a pipeline', key('local')],
    ['whose name only begins like one', key('7-100x')],
  ])('there are none of a session %s', (_, session) => {
    void end(session);
    expect(written).toEqual([]);
  });

  it('are due until they are written or nobody can write them, and stay due if the process ends before', async () => {
    const [first, second, third] = [key('7-100'), key('7-101'), key('7-102')];
    expect([notes.finished(first), notes.finished(key('local'))]).toEqual([true, false]);
    notes.leaveToMain(third);
    expect(notes.finished(third)).toBe(false);
    outcome = held;
    const [writing, waiting] = [end(first), end(second)];
    const closed = notes.close();
    expect(await waiting).toBe(false);
    notes.finished(key('7-103'));
    expect(await notes.over(key('7-103'), model())).toBe(false);
    for (const each of release) each();
    await closed;
    expect(await writing).toBe(true);
    expect(await notes.over(first, model())).toBe(true);
    expect(written).toHaveLength(1);
  });

  it('stay due if the session has finished once more while one was written', async () => {
    outcome = held;
    const writing = end(key('7-100'));
    notes.finished(key('7-100'));
    for (const each of release) each();
    expect(await writing).toBe(false);
  });

  it('there is one each time a session is finished and over, and none if its main job writes it', () => {
    const session = key('7-100');
    void notes.over(session, model());
    expect(written).toHaveLength(0);
    void end(session);
    // A late agent has brought the session back for a moment.
    void notes.over(session, model());
    expect(written).toHaveLength(1);
    notes.finished(session);
    notes.forget(session);
    void notes.over(session, model());
    notes.leaveToMain(session);
    void end(session);
    expect(written).toHaveLength(1);
    void end(key('8-1'));
    expect(written).toHaveLength(2);
  });

  it('are written at most four at a time, and one after another in a project', async () => {
    outcome = held;
    for (const project of [1, 1, 2, 3, 4, 5]) void end(key(`${project}-1${written.length}`));
    expect(written.map(({ projectId }) => projectId)).toEqual(['1', '2', '3', '4']);
    release.shift()?.();
    await settled();
    expect(written.map(({ projectId }) => projectId)).toEqual(['1', '2', '3', '4', '1']);
    release.shift()?.();
    await settled();
    expect(written.at(-1)?.projectId).toBe('5');
  });

  it('wait in a limited number, and are not begun after the end', async () => {
    outcome = held;
    for (let pipeline = 0; pipeline < 202; pipeline++) void end(key(`7-${pipeline}`));
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      expect.objectContaining({ level: 'warn', code: 'DTE_TOO_MANY', session: '7-201' }),
    ]);
    const closed = notes.close();
    void end(key('8-1'));
    for (const each of release) each();
    await closed;
    expect(written).toHaveLength(1);
  });

  it('that fail are one line each, with the message and nothing else of the error', async () => {
    const request = Object.assign(new Error('no answer'), { headers: { 'private-token': 'glpat-1' } });
    outcome = () => Promise.reject(request);
    void end(key('7-100'));
    await settled();
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'warn', session: '7-100' });
    expect(lines.join('')).toContain('no answer');
    expect(lines.join('')).not.toContain('glpat-1');
  });
});
