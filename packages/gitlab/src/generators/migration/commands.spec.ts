import { rewriteCommands } from './commands';

const NPX = { run: 'npx', startFlags: [] };
const rewrite = (text: string): string => rewriteCommands(text, NPX).text;
const notes = (text: string): string[] => rewriteCommands(text, NPX).rewrites.flatMap((one) => one.notes);

describe('a command of the vendor', () => {
  it.each([
    // The manual recipe of different versions.
    ['yarn nx-cloud start-agent', 'yarn dte start-agent'],
    [
      'yarn nx-cloud start-ci-run --distribute-on="manual" --stop-agents-after=e2e-ci',
      'yarn dte start-ci-run --distribute-on=manual --stop-agents-after=e2e-ci',
    ],
    [
      'npx nx-cloud start-ci-run --stop-agents-after="e2e-ci"',
      'npx dte start-ci-run --distribute-on=manual --stop-agents-after="e2e-ci"',
    ],
    [
      'yarn nx-cloud record -- nx format:check --base=$NX_BASE',
      'yarn dte record -- nx format:check --base=$NX_BASE',
    ],
    ['npx nx-cloud stop-all-agents', 'npx dte complete-ci-run'],
    ['npx nx-cloud complete-ci-run', 'npx dte complete-ci-run'],
    // Called through nx.
    ['npx nx start-agent', 'npx dte start-agent'],
    ['pnpm exec nx start-ci-run --distribute-on manual', 'pnpm exec dte start-ci-run --distribute-on=manual'],
    ['npx nx start-nx-agents', 'npx dte start-ci-run --distribute-on=manual'],
    // Downloaded from the registry before the install; ours is installed with the workspace.
    ['npx -y nx-cloud@latest start-agent', 'npx dte start-agent'],
    ['pnpm dlx nx-cloud start-agent', 'pnpm exec dte start-agent'],
    ['yarn dlx nx-cloud start-agent', 'yarn dte start-agent'],
    ['bunx nx-cloud start-agent', 'bunx dte start-agent'],
    ['./node_modules/.bin/nx-cloud start-agent', 'npx dte start-agent'],
    // In longer lines.
    ['npm ci && npx nx-cloud start-agent; echo done', 'npm ci && npx dte start-agent; echo done'],
    [
      'NX_VERBOSE_LOGGING=true npx nx-cloud start-agent > log 2>&1',
      'NX_VERBOSE_LOGGING=true npx dte start-agent > log 2>&1',
    ],
    ['npx nx-cloud start-agent & npx nx-cloud start-agent &', 'npx dte start-agent & npx dte start-agent &'],
    ['npx nx-cloud start-agent # serves', 'npx dte start-agent # serves'],
    ['npx nx fix-ci || echo no', 'true || echo no'],
    [
      'npx nx-cloud start-ci-run \\\n  --distribute-on="3 linux-medium-js" \\\n  --stop-agents-after="lint build"\nnext',
      'npx dte start-ci-run --distribute-on=manual --stop-agents-after="lint build"\nnext',
    ],
  ])('%s becomes %s', (from, to) => {
    expect(rewrite(from)).toBe(to);
    expect(rewrite(to)).toBe(to);
  });

  it.each([
    'npx nx affected -t build',
    'echo nx-cloudy start-agent',
    'npx dte start-agent',
    'nx run app:record',
    'cat nx-cloud.env',
  ])('is not found in %s', (text) => expect(rewriteCommands(text, NPX)).toEqual({ text, rewrites: [] }));

  it('is rewritten flag by flag, and every removed flag is reported with the reason', () => {
    const from =
      'npx nx-cloud start-ci-run --distribute-on="5 linux-large-js" --stop-agents-on-failure=false --require-explicit-completion=true --assignment-rules=".nx/rules.yaml" --fix-tasks "*test*" --useDteByDefault=false --colour';
    expect(rewrite(from)).toBe('npx dte start-ci-run --distribute-on=manual --require-explicit-completion');
    expect(notes(from).map((note) => note.split(':')[0])).toEqual([
      '--distribute-on="5 linux-large-js"',
      '--stop-agents-on-failure=false',
      '--assignment-rules=".nx/rules.yaml"',
      '--fix-tasks "*test*"',
      '--useDteByDefault=false',
      '--colour',
    ]);
  });

  it('that would have started agents reports how many, and with which variables', () => {
    const text =
      'nx-cloud start-ci-run --distribute-on="3 linux-small-js, 2 linux-large-js" --with-env-vars="A,B_C"';
    expect(rewriteCommands(text, { ...NPX, run: 'yarn' })).toMatchObject({
      text: 'yarn dte start-ci-run --distribute-on=manual',
      rewrites: [{ agents: 5, forwardEnv: ['A', 'B_C'] }],
    });
  });
});
