/** A way to break the code, and what the simulation reports. */
export interface Breakage {
  readonly what: string;
  /** Path below `packages/`. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** A seed that found it when this was written. If it no longer does, the others are tried. */
  readonly seed: number;
  /** The violation that is found. */
  readonly finds: RegExp;
}

/** CONTRIBUTING.md lists them. */
export const BREAKAGES: readonly Breakage[] = [
  {
    what: 'a lease that never expires',
    file: 'scheduler/src/step.ts',
    find: 'expireLease(state, due, out);',
    replace: '',
    seed: 33,
    finds: /the lease of .* is over and still there/,
  },
  {
    what: 'an agent that does not come back and is waited for without a deadline',
    file: 'scheduler/src/step.ts',
    find: 'agentGone(state, due.agentId, out);',
    replace: '',
    seed: 3,
    finds: /is away for longer than a lease and still waited for/,
  },
  {
    what: 'no fence: a result of any attempt, from any agent, is accepted',
    file: 'scheduler/src/holdings.ts',
    find: `leaseOf(run, index, ref.attempt);
  return lease?.agentId === agent.agentId ? lease : undefined;`,
    replace: `run?.leases.get(index);
  return lease;`,
    seed: 5,
    finds: /^Checker: /,
  },
  {
    what: 'a task that begins before the last of its dependencies has ended',
    file: 'scheduler/src/tasks.ts',
    find: 'if (task.state.openDependencies > 0) return null;',
    replace: 'if (task.state.openDependencies > 1) return null;',
    seed: 1,
    finds: /starts though .* is not ended/,
  },
  {
    what: 'a main job that is lost and waited for without a deadline',
    file: 'scheduler/src/step.ts',
    find: 'mainLost(state, due.runId, out);',
    replace: '',
    seed: 35,
    finds: /is open though its main job is lost/,
  },
  {
    what: 'time that runs back with the clock',
    file: 'scheduler/src/step.ts',
    find: 'state.nowMs += Math.max(0, clockMs - (state.clockMs ?? 0));',
    replace: 'state.nowMs += clockMs - (state.clockMs ?? 0);',
    seed: 109,
    finds: /lasts for longer than a lease|nobody is woken|woken in the past/,
  },
  {
    what: 'effects that leave before their input is written',
    file: 'coordinator/src/session/driver.ts',
    find: `    if (inputs.length > 0)
      await this.write(inputs.map((input) => ({ atMs: nowMs, input: toJournal(input) })));
    const effects = inputs.map((input) => {
      const effects = step(this.state, input, nowMs);
      this.options.stepped?.({ input, effects, atMs: nowMs });
      return effects;
    });`,
    replace: `    const texts = inputs.map((input) => JSON.parse(JSON.stringify({ atMs: nowMs, input: toJournal(input) })));
    const effects = inputs.map((input) => step(this.state, input, nowMs));
    if (inputs.length > 0) void this.write(texts);`,
    seed: 1,
    finds: /replaying the journal leads to another state|Checker/,
  },
  {
    what: 'a torn last record that is left in the journal',
    file: 'coordinator/src/journal/file-journal.ts',
    find: 'if (from + newline + 1 < size) await handle.truncate(from + newline + 1);',
    replace: '',
    seed: 3,
    finds: /never so|replaying|lost/,
  },
  {
    what: 'a write that failed on a full disk and is not taken back',
    file: 'coordinator/src/journal/file-journal.ts',
    find: 'await this.file.handle.truncate(this.end);',
    replace: '',
    seed: 6,
    finds: /never so|replaying|lost/,
  },
  {
    what: 'heartbeats that are not in the journal, and renew leases all the same',
    file: 'coordinator/src/session/intake.ts',
    find: 'this.heardAtMs.set(agentId, nowMs);',
    replace: `for (const lease of state.agents.get(agentId)!.leases) lease.untilMs = nowMs + state.config.leaseMs;`,
    seed: 1,
    finds: /replaying the journal leads to another state/,
  },
  {
    what: 'a session that goes on without its journal, which could not be written',
    file: 'coordinator/src/session/session.ts',
    find: 'this.failure = error;',
    replace: '',
    seed: 56,
    finds: /never so: (every main job is done|no run is open)/,
  },
  {
    what: 'results that are accepted without their artifacts',
    file: 'coordinator/src/session/artifact-check.ts',
    find: "sync.work.some((work) => claimedKeys('', work).length > 0);",
    replace: 'sync.work.length < 0;',
    seed: 8,
    finds: /counts as done, and its artifact is not stored/,
  },
  {
    what: 'a task that came back and that the main job does not run',
    file: 'runner/src/tasks/leftovers.ts',
    find: "endings.get(id) === 'success' || endings.get(id) === 'failure';",
    replace: 'endings.has(id);',
    seed: 6,
    finds: /ends with exit code|without faults/,
  },
  {
    what: 'a failure that is told to Nx and not kept',
    file: 'runner/src/follow/follow.ts',
    find: `    this.state.endings.set(taskId, ending);
    this.state.statuses[taskId] = status;`,
    replace: `    this.state.endings.set(taskId, ending);
    this.state.statuses[taskId] = 'success';`,
    seed: 4,
    finds: /which fails|ends with exit code/,
  },
  {
    what: 'a main job that waits for agents without a deadline',
    file: 'runner/src/follow/availability.ts',
    find: 'const untilMs = agentsGoneSinceMs + patience.agentWaitMs;',
    replace:
      "const untilMs = agentsGoneSinceMs + patience.agentWaitMs;\n  return { kind: 'wait', askAgainAtMs: null };",
    seed: 3,
    finds: /never so: every main job is done/,
  },
  {
    what: 'a main job that waits for its coordinator without a deadline',
    file: 'runner/src/follow/availability.ts',
    find: 'const untilMs = coordinatorGoneSinceMs + patience.coordinatorGraceMs;',
    replace:
      "const untilMs = coordinatorGoneSinceMs + patience.coordinatorGraceMs;\n    return { kind: 'wait', askAgainAtMs: null };",
    seed: 33,
    finds: /never so: every main job is done/,
  },
];
