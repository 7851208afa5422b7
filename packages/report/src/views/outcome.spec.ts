import { foldEvents } from '../model/fold';
import { agent, planned, Story } from '../test-support/events';
import { commandsOf, outcomeOf } from './outcome';

const TASKS = [planned('a:build'), planned('a:test', ['a:build'])];

/** Builds in 4 s and tests in 2. */
const begun = (runId: string, second: number): Story =>
  new Story(runId)
    .agents(second, agent('one'))
    .run(second, TASKS)
    .attempt('a:build', 'one', [second, second + 4]);
const red = (runId: string, second: number): Story =>
  begun(runId, second)
    .attempt('a:test', 'one', [second + 4, second + 6], { status: 'failure' })
    .over(second + 6, false);
const green = (runId: string, second: number): Story =>
  begun(runId, second)
    .attempt('a:test', 'one', [second + 4, second + 6])
    .over(second + 6, true);
const stopped = (runId: string, second: number): Story =>
  begun(runId, second)
    .ended('a:test', second + 5, { status: 'stopped' })
    .over(second + 5, false);

const modelOf = (...stories: Story[]) => foldEvents(stories.flatMap(({ events }) => events));

describe('what became of a job', () => {
  it('is told by its tasks if it had one command', () => {
    expect(outcomeOf(modelOf())).toEqual({ kind: 'empty', sentence: 'No command has run yet' });
    expect(outcomeOf(modelOf(red('r1', 0)))).toEqual({ kind: 'failed', sentence: '1 of 2 tasks failed' });
    expect(outcomeOf(modelOf(green('r1', 0)))).toEqual({ kind: 'ok', sentence: '2 tasks succeeded' });
    expect(outcomeOf(modelOf(begun('r1', 0)))).toEqual({ kind: 'running', sentence: '1 of 2 tasks done' });
  });

  it('is told by its commands if it had several, and each of them by itself', () => {
    const model = modelOf(green('r1', 0), red('r2', 10), stopped('r3', 20));
    expect(outcomeOf(model)).toEqual({ kind: 'failed', sentence: '1 of 3 commands failed' });
    expect(commandsOf(model)).toMatchObject([
      { kind: 'ok', sentence: '2 tasks succeeded', durationMs: 6_000, run: { runId: 'r1' } },
      { kind: 'failed', sentence: '1 of 2 tasks failed', durationMs: 6_000, run: { runId: 'r2' } },
      { kind: 'stopped', sentence: 'Stopped: 1 of 2 tasks did not run', durationMs: 5_000 },
    ]);
    expect(outcomeOf(modelOf(red('r1', 0), begun('r2', 10))).sentence).toBe('1 of 2 commands failed so far');
  });

  it('is never success unless every command said so', () => {
    expect(outcomeOf(modelOf(green('r1', 0), stopped('r2', 10)))).toEqual({
      kind: 'stopped',
      sentence: 'Stopped: 1 of 4 tasks did not run',
    });
    const without = begun('r1', 0).attempt('a:test', 'one', [4, 6]).over(6, false);
    expect(outcomeOf(modelOf(without))).toEqual({ kind: 'stopped', sentence: 'Ended without success' });
  });
});
