// A test runner for Stryker: loads the specs once and runs them for each mutant in the same process, with what jest itself is made of
// (jest-circus, expect, jest-mock, fake timers). jest loads every module again for every mutant, which takes 4 seconds each and hours
// in all; this takes milliseconds. A mutant that is active only while a module loads cannot be tested here: `ignoreStatic`.
import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** Specs and scenarios of scheduler and follow, then whole sessions: the fastest first, because the first failure ends a mutant. */
const FOLDERS = ['packages/scheduler/src', 'packages/runner/src/follow', 'tools/lib/mutation'];
/** It takes too long for each of thousands of mutants. */
const SLOW = ['operations.spec.ts'];
/** Sessions of the scheduler's own simulation, for each of its properties. */
process.env.SESSIONS ??= '10';

/** A test that hangs fails by itself before Stryker has to stop the process. */
const TEST_TIMEOUT_MS = 20_000;

const context = (globalThis.__stryker__ ??= {});

function testsIn(block) {
  return block.children.flatMap((child) => (child.type === 'test' ? [child] : testsIn(child)));
}

function idOf(test) {
  const names = [];
  for (let at = test; at !== undefined && at.name !== 'ROOT_DESCRIBE_BLOCK'; at = at.parent)
    names.unshift(at.name);
  return names.join(' ');
}

class InProcess {
  capabilities() {
    return { reloadEnvironment: false };
  }

  init() {
    const root = process.cwd();
    const here = createRequire(join(root, 'package.json'));
    const ofJest = createRequire(here.resolve('jest/package.json'));
    const ofCore = createRequire(ofJest.resolve('@jest/core/package.json'));
    const ofConfig = createRequire(ofCore.resolve('jest-config/package.json'));
    this.circus = ofConfig('jest-circus');
    const ofCircus = createRequire(ofConfig.resolve('jest-circus/package.json'));
    const ofEnvironment = createRequire(ofConfig.resolve('jest-environment-node/package.json'));
    const mocks = new (ofEnvironment('jest-mock').ModuleMocker)(globalThis);
    const timers = new (ofEnvironment('@jest/fake-timers').ModernFakeTimers)({
      config: { fakeTimers: {}, rootDir: root, testEnvironmentOptions: {} },
      global: globalThis,
    });
    for (const name of ['describe', 'it', 'test', 'beforeAll', 'beforeEach', 'afterAll', 'afterEach'])
      globalThis[name] = this.circus[name];
    globalThis.expect = ofCircus('expect').expect;
    globalThis.jest = {
      fn: (implementation) => mocks.fn(implementation),
      spyOn: (...of) => mocks.spyOn(...of),
      restoreAllMocks: () => mocks.restoreAllMocks(),
      useFakeTimers: (options) => timers.useFakeTimers(options),
      useRealTimers: () => timers.useRealTimers(),
      setSystemTime: (now) => timers.setSystemTime(now),
      getTimerCount: () => timers.getTimerCount(),
      advanceTimersByTime: (ms) => timers.advanceTimersByTime(ms),
      advanceTimersByTimeAsync: (ms) => timers.advanceTimersByTimeAsync(ms),
    };
    here('./tools/lib/fuzz/typescript.cjs');
    for (const folder of FOLDERS)
      for (const name of readdirSync(join(root, folder)).sort())
        if (/\.spec\.c?ts$|\.spec\.cjs$/.test(name) && !SLOW.includes(name))
          globalThis.describe(`${folder}/${name}`, () => void here(join(root, folder, name)));
    this.circus.getState().testTimeout = TEST_TIMEOUT_MS;
    this.circus.addEventHandler((event) => this.onEvent(event));
  }

  onEvent(event) {
    if (event.name === 'test_start') {
      if (this.failed) event.test.mode = 'skip';
      context.currentTestId = idOf(event.test);
    } else if (event.name === 'test_done' || event.name === 'test_skip') {
      context.currentTestId = undefined;
      if (event.test.errors.length > 0) this.failed = true;
    }
  }

  async run(isWanted) {
    const tests = testsIn(this.circus.getState().rootDescribeBlock);
    this.failed = false;
    for (const test of tests) {
      Object.assign(test, { errors: [], status: null, duration: null });
      test.mode = isWanted(idOf(test)) ? undefined : 'skip';
    }
    this.circus.getState().unhandledErrors = [];
    await this.circus.run();
    return tests.filter((test) => test.status === 'done');
  }

  async dryRun() {
    context.hitLimit = undefined;
    const done = await this.run(() => true);
    return {
      status: 'complete',
      mutantCoverage: context.mutantCoverage,
      tests: done.map((test) => ({
        id: idOf(test),
        name: idOf(test),
        timeSpentMs: test.duration ?? 0,
        ...(test.errors.length === 0
          ? { status: 0 }
          : { status: 1, failureMessage: String(test.errors[0][0]?.stack ?? test.errors[0]) }),
      })),
    };
  }

  async mutantRun({ activeMutant, testFilter, hitLimit }) {
    const wanted = testFilter === undefined ? undefined : new Set(testFilter);
    context.activeMutant = activeMutant.id;
    context.hitLimit = hitLimit;
    context.hitCount = hitLimit === undefined ? undefined : 0;
    const done = await this.run((id) => wanted?.has(id) ?? true);
    context.activeMutant = undefined;
    if (hitLimit !== undefined && context.hitCount > hitLimit)
      return { status: 'timeout', reason: `Hit limit reached (${context.hitCount}/${hitLimit})` };
    const failed = done.filter((test) => test.errors.length > 0);
    if (failed.length === 0) return { status: 'survived', nrOfTests: done.length };
    const [error] = failed[0].errors;
    return {
      status: 'killed',
      killedBy: failed.map(idOf),
      failureMessage: String(error[0]?.message ?? error),
      nrOfTests: done.length,
    };
  }
}

export const strykerPlugins = [{ kind: 'TestRunner', name: 'in-process', factory: () => new InProcess() }];
