import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NxProjectGraph } from '@org/dte-nx-compat';
import { artifactPaths } from './artifact-paths';
import { chooseTargets } from './choose-targets';
import { describeWork, workOfPipeline } from './describe-work';

import { REPOSITORY_NX, nodesOf, type Targets } from './test-support/graph';
import { targetsOfWorkspace } from './workspace-targets';

const script = (scriptContent: string) => ({ executor: 'nx:run-script', metadata: { scriptContent } });
const command = (line: string) => ({ executor: 'nx:run-commands', options: { command: line } });
const split = (technology: string, nonAtomizedTarget: string) => ({
  executor: 'nx:noop',
  metadata: { technologies: [technology], nonAtomizedTarget },
});

const choose = (projects: Targets, hasBrowser = false) =>
  chooseTargets(targetsOfWorkspace(nodesOf(projects), REPOSITORY_NX), hasBrowser);

describe('chooseTargets', () => {
  it('takes the checks of a workspace of npm scripts by their own names, each work once', () => {
    const library = {
      clean: script('premove ./build'),
      'test:eslint': script('eslint ./src'),
      'test:types': script('npm-run-all --serial test:types:*'),
      'test:types:ts50': script('node ../../node_modules/typescript50/lib/tsc.js --build'),
      'test:types:tscurrent': script('tsc --build'),
      'test:lib': script('vitest'),
      'test:lib:dev': script('pnpm run test:lib --watch'),
      'test:build': script('publint --strict'),
      build: script('tsup'),
    };
    expect(choose({ 'packages/a': library, 'packages/b': library })).toEqual({
      targets: ['test:eslint', 'test:types', 'test:build', 'test:lib', 'build'],
      heldBack: [],
    });
  });

  it('does not drop a script that its parent runs in only some projects', () => {
    const both = { test: script('npm run unit'), unit: script('jest') };
    expect(choose({ a: both }).targets).toEqual(['test']);
    expect(choose({ a: both, b: { unit: script('jest') } }).targets).toEqual(['test', 'unit']);
  });

  it('keeps a build that a script for tests runs first, and one of two scripts that run each other', () => {
    expect(choose({ a: { test: script('npm run build && mocha'), build: script('tsc') } }).targets).toEqual([
      'test',
      'build',
    ]);
    expect(
      choose({ a: { test: script('npm run test:a'), 'test:a': script('npm run test') } }).targets,
    ).toEqual(['test']);
  });

  it('runs what an aggregate of several kinds runs only once', () => {
    const all = { test: script('pnpm run "/^test:.*/"'), 'test:types': script('tsc --noEmit') };
    const named = {
      test: script('run-p test:types test:lib'),
      'test:types': script('tsc'),
      'test:lib': script('jest'),
    };
    expect(choose({ a: named }).targets).toEqual(['test']);
    expect(choose({ a: all }).targets).toEqual(['test:types', 'test']);
  });

  // Recorded with `nx graph --file` of Nx 23.2.1 in e2e/parity/workspaces/plugins.ts.
  it('reads the project graph of a workspace whose plugins infer targets', () => {
    const path = join(__dirname, 'test-support', 'inferred-graph.json');
    const recorded = JSON.parse(readFileSync(path, 'utf8')) as NxProjectGraph['nodes'];
    const projects = targetsOfWorkspace(recorded, REPOSITORY_NX);
    const { targets, heldBack } = chooseTargets(projects, false);
    expect(targets).toEqual(['lint', 'typecheck', 'jest-ci', 'vitest-ci', 'build', 'bundle']);
    expect(heldBack).toEqual([]);
    expect(artifactPaths(projects, targets).paths).toEqual([
      'coverage',
      'dist',
      'libs/*/dist',
      'libs/text/coverage/src/first.spec.ts',
      'libs/text/coverage/src/second.spec.ts',
    ]);
    expect(describeWork(workOfPipeline(projects, targets)).map(({ text }) => text)).toEqual([
      'When everything is affected, the pipeline runs 19 tasks: lint (7), typecheck (2), jest-ci (4), vitest-ci (2), build (3), bundle (1).',
      'It does not run these checks of the workspace: compile (3 projects).',
      'It does not run: stamp (4 projects), watch-deps (4), alone (1), dev (1), preview (1), serve (1), serve-static (1).',
    ]);
  });

  it('prefers split targets, unless a project has only the whole one', () => {
    const both = {
      test: command('jest'),
      'test-ci': split('jest', 'test'),
      'test-ci--src/a.spec.ts': command('jest a'),
    };
    expect(choose({ a: both }).targets).toEqual(['test-ci']);
    expect(choose({ a: both, b: { test: command('vitest') } }).targets).toEqual(['test']);
  });

  it('holds back tests that need a browser, until the image has one', () => {
    const e2e = { e2e: command('playwright test'), 'e2e-ci': split('playwright', 'e2e') };
    const projects = { 'apps/shop': { build: command('vite build') }, 'apps/shop-e2e': e2e };
    expect(choose(projects)).toEqual({
      targets: ['build'],
      heldBack: [{ target: 'e2e-ci', why: 'Playwright needs an image with a browser' }],
    });
    expect(choose(projects, true)).toEqual({ targets: ['build', 'e2e-ci'], heldBack: [] });
  });

  it('holds back a check that never ends in one of its projects', () => {
    const projects = { a: { test: command('jest') }, b: { test: command('jest --watch') } };
    expect(choose(projects)).toEqual({
      targets: [],
      heldBack: [{ target: 'test', why: 'it does not end in b' }],
    });
  });

  it('takes a variant only for a project that has nothing else of its kind', () => {
    const main = { test: script('vitest'), 'test:coverage': script('vitest --coverage') };
    expect(choose({ a: main }).targets).toEqual(['test']);
    const other = { 'test:coverage': script('vitest --coverage') };
    expect(choose({ a: main, b: other }).targets).toEqual(['test', 'test:coverage']);
  });

  it('takes nothing where nothing checks', () => {
    expect(choose({ a: { serve: command('vite'), deploy: command('kubectl apply') } }).targets).toEqual([]);
  });
});
