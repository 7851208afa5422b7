import { pipelineTargets } from './pipeline-targets';

const job = (...lines: string[]): string =>
  `nx:\n  script:\n${lines.map((line) => `    - ${JSON.stringify(line)}\n`).join('')}`;

describe('pipelineTargets', () => {
  it.each([
    ['npx nx affected -t lint,test --parallel=2', ['lint', 'test']],
    ['npx nx affected -t lint test build --parallel=2', ['lint', 'test', 'build']],
    ['npx nx affected --base="$NX_BASE" --target=test', ['test']],
    ["pnpm exec nx run-many --targets 'test:lib','test:types'", ['test:lib', 'test:types']],
    ['nx affected -t=lint && nx affected -t test', ['lint', 'test']],
    ['npx nx run shop:e2e:production', ['e2e']],
    ['npx nx affected -t build # -t test', ['build']],
  ])('reads %s', (line, targets) => {
    expect(pipelineTargets([job(line)])).toEqual({ targets, unread: null, found: true });
  });

  it('knows what it cannot read, and where there is nothing', () => {
    expect(pipelineTargets([job('nx affected -t $TARGETS')])).toMatchObject({
      unread: 'nx … -t $TARGETS',
      found: true,
    });
    expect(pipelineTargets([job('make'), '- no mapping', ': :'])).toEqual({
      targets: [],
      unread: null,
      found: false,
    });
  });
});
