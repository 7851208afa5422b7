import type { RecordedTasks } from '@org/dte-parity';
import type { JournalEntry } from '../workspace';
import { type Evidence, judge, recoveryMs } from './verdict';
import { CHAOS_TASKS, expectedStatuses } from './workspace';

const end = (code: number | null, signal: NodeJS.Signals | null = null, output = '') => ({
  code,
  signal,
  output,
});
const entry = (id: string, what: 'start' | 'end' = 'end', at = 5): JournalEntry => ({
  id,
  what,
  machine: 'agent-1',
  pid: 7,
  at,
});

const recorded = (failing: string[]): RecordedTasks =>
  Object.fromEntries(
    Object.entries(expectedStatuses(new Set(failing))).map(([id, status]) => [
      id,
      { status, code: 0, terminalOutput: '', starts: 1, ends: 1, outputs: [] },
    ]),
  );
const FILES = {
  'dist/build/a/out.txt': 'file 644 1 bytes aa',
  'dist/build/d/out.txt': 'file 644 1 bytes dd',
};

const evidence = (changes: Partial<Evidence> = {}): Evidence => ({
  failing: new Set(),
  injections: [],
  interrupted: [],
  end: end(0),
  tasks: recorded([]),
  files: FILES,
  expectedFiles: FILES,
  journal: Object.keys(CHAOS_TASKS).map((id) => entry(id)),
  accepted: Object.keys(CHAOS_TASKS).map((task) => ({ run: 'r', task, status: 'success', atMs: 9 })),
  agents: { 'agent-1': end(0) },
  complete: end(0),
  leftovers: [],
  ...changes,
});

const fault = (
  kind: Evidence['injections'][number]['kind'],
  more: Partial<Evidence['injections'][number]> = {},
): Evidence['injections'][number] => ({ kind, atMs: 1, killedTask: null, killedMachine: null, ...more });

const kinds = (changes: Partial<Evidence>): string[] => judge(evidence(changes)).map(({ kind }) => kind);

describe('the verdict on a run', () => {
  it('holds when everything is as it is locally', () => {
    expect(judge(evidence())).toEqual([]);
    const failing = { failing: new Set(['d:build']), tasks: recorded(['d:build']), end: end(130) };
    expect(judge(evidence(failing))).toEqual([]);
  });

  it.each([
    ['exit code 0 although a task fails', { failing: new Set(['d:build']), tasks: recorded(['d:build']) }],
    ['exit code 1 although none does', { end: end(1) }],
    ['an agent that crashes', { agents: { 'agent-1': end(1) } }],
    ['an end that nobody asked for', { interrupted: [end(null, 'SIGKILL')] }],
  ])('is against %s', (_, changes) => {
    expect(kinds(changes)).toEqual(['wrongExit']);
  });

  it('is against a task that is lost, or a success that ran nowhere', () => {
    const { 'a:lint': _, ...tasks } = recorded([]);
    expect(kinds({ tasks })).toEqual(['lostTasks']);
    expect(kinds({ journal: evidence().journal.filter(({ id }) => id !== 'a:lint') })).toEqual(['lostTasks']);
  });

  it('is against files that differ, are missing or are too many', () => {
    expect(kinds({ files: { ...FILES, 'dist/build/a/out.txt': 'file 644 1 bytes ab' } })).toEqual([
      'lostOutputs',
    ]);
    expect(kinds({ files: {} })).toEqual(['lostOutputs', 'lostOutputs']);
    expect(kinds({ files: { ...FILES, 'dist/half.part': 'file 644 1 bytes aa' } })).toEqual(['lostOutputs']);
  });

  it('is against results that were accepted twice, by the coordinator or by the main job', () => {
    const twice = [...evidence().accepted, ...evidence().accepted.slice(0, 1)];
    expect(kinds({ accepted: twice })).toEqual(['doubleAccepted']);
    const tasks = recorded([]);
    expect(kinds({ tasks: { ...tasks, 'a:lint': { ...tasks['a:lint']!, ends: 2 } } })).toEqual([
      'doubleAccepted',
    ]);
  });

  it('lets a task fail whose own process was ended, with what depends on it, and nothing else', () => {
    const injections = [fault('kill task', { killedTask: entry('d:build', 'start') })];
    expect(judge(evidence({ injections, tasks: recorded(['d:build']), end: end(130) }))).toEqual([]);
    expect(kinds({ injections, tasks: recorded(['a:build']), end: end(130) })).toContain('lostTasks');
    const journal = evidence().journal.filter(({ id }) => id !== 'd:build');
    expect(kinds({ injections, journal })).toContain('lostTasks');
  });

  it('lets a main job fail whose disk is full if it says so', () => {
    const injections = [fault('disk-full main')];
    const [tasks, full] = [recorded(['d:build']), 'ENOSPC: no space left on device'];
    expect(judge(evidence({ injections, tasks, end: end(130, null, full) }))).toEqual([]);
    expect(kinds({ injections, tasks, end: end(130, null, 'why?') })).toContain('lostTasks');
    expect(judge(evidence({ injections, tasks, end: end(1, null, full) }))).toEqual([]);
    expect(kinds({ injections, tasks, end: end(0, null, full) })).toEqual(['wrongExit']);
  });

  it('accepts the signal that a main job was sent as its end', () => {
    expect(
      judge(evidence({ injections: [fault('kill main')], interrupted: [end(null, 'SIGKILL')] })),
    ).toEqual([]);
    expect(judge(evidence({ injections: [fault('term main')], interrupted: [end(143)] }))).toEqual([]);
  });

  it('measures from a fault to the next result of what it disturbed', () => {
    const accepted = [
      { run: 'r', task: 'a:lint', status: 'success', atMs: 110 },
      { run: 'r', task: 'b:lint', status: 'success', atMs: 150 },
    ];
    expect(recoveryMs({ atMs: 100, disturbed: ['b:lint'] }, { accepted, journal: [] })).toBe(50);
    expect(recoveryMs({ atMs: 100, disturbed: ['c:lint'] }, { accepted, journal: [] })).toBeNull();
    const journal = [{ ...entry('c:lint', 'end', 130), machine: 'main' }];
    expect(recoveryMs({ atMs: 100, disturbed: ['c:lint'] }, { accepted, journal })).toBe(30);
  });
});
