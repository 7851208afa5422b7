import { type FileContent, type SampleProject } from '@org/dte-testing';

/** Megabytes that one task prints. */
export const PRINTED_MB = 50;

/** Fails, or prints, in the way its first argument says. */
const SCRIPT = `
const { existsSync, mkdirSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const [what, value] = process.argv.slice(2);
const kinds = {
  exit: () => { console.log('ends with ' + value); process.exitCode = Number(value); },
  signal: () => { console.log('dies by ' + value); setTimeout(() => process.kill(process.pid, value), 50); setInterval(() => {}, 1000); },
  throws: () => { throw new Error('thrown by the task'); },
  late: () => { setTimeout(() => { console.log('ends with 1'); process.exitCode = 1; }, Number(value)); },
  silent: () => { process.exitCode = 4; },
  outputs: () => { mkdirSync(value, { recursive: true }); writeFileSync(join(value, 'report.txt'), 'half of a report\\n'); console.error('on stderr'); process.exitCode = 5; },
  lots: () => {
    const line = (index) => (index + ' ').padEnd(1023, 'abcdefghij') + '\\n';
    let index = 0;
    const more = () => { while (index < Number(value) * 1024) if (!process.stdout.write(line(index++))) { process.stdout.once('drain', more); return; } };
    more();
  },
  binary: () => { process.stdout.write(Buffer.from(Array.from({ length: 3000 }, (_, index) => (index * 7) % 256))); process.stdout.write('\\u0000\\u001b[31mred\\u001b[0m\\r\\nno end of line'); },
  once: () => {
    const mark = join(process.env.SAMPLE_GATES, 'once-' + (process.env.SIDE || 'plain'));
    if (existsSync(mark)) { console.log('this time'); return; }
    writeFileSync(mark, '');
    console.log('not the first time');
    process.exitCode = 1;
  },
  sleep: () => { setTimeout(() => console.log('slept'), Number(value)); },
  hang: () => {
    require('node:child_process').spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1e6)'], { detached: true, stdio: 'ignore' });
    process.on('SIGTERM', () => { console.log('asked to end'); process.exit(0); });
    console.log('hangs');
    setInterval(() => {}, 1e6);
  },
};
kinds[what]();
// Plain Nx loses output from the very end of a command if the machine is busy.
if (what !== 'lots') setTimeout(() => undefined, 200);
`;

const task = (command: string, more: object = {}): object => ({
  cache: true,
  command: `node tools/failures.cjs ${command}`,
  ...more,
});

const single = (target: string, configuration: object): Pick<SampleProject, 'targets'> => ({
  targets: { [target]: configuration },
});

const outputs = { outputs: ['{workspaceRoot}/dist/{projectName}'] };

const PROJECTS: Record<string, Pick<SampleProject, 'targets'>> = {
  'exit-1': single('fail', task('exit 1')),
  'exit-3': single('fail', task('exit 3', { cache: false })),
  'exit-200': single('fail', task('exit 200')),
  killed: single('fail', task('signal SIGKILL')),
  terminated: single('fail', task('signal SIGTERM')),
  interrupted: single('fail', task('signal SIGINT')),
  throws: single('fail', task('throws')),
  silent: single('fail', task('silent')),
  missing: single('fail', { cache: true, command: 'no-such-command-anywhere' }),
  'with-files': single('fail', task('outputs dist/with-files', outputs)),
  'with-files-fresh': single('fail', task('outputs dist/with-files-fresh', { ...outputs, cache: false })),
  fine: single('fail', task('exit 0')),
  // Depends on the failed task, directly and indirectly.
  needs: single('fail', task('exit 0', { dependsOn: [{ projects: ['exit-1'], target: 'fail' }] })),
  'needs-more': single('fail', task('exit 0', { dependsOn: [{ projects: ['needs'], target: 'fail' }] })),
  lots: single('print', task(`lots ${PRINTED_MB}`)),
  'lots-fresh': single('print', task('lots 2', { cache: false })),
  binary: single('print', task('binary')),
  'binary-fresh': single('print', task('binary', { cache: false })),
  nothing: single('print', task('sleep 0; true')),
  once: single('once', task('once')),
  hang: single('hang', task('hang')),
  // Late enough for the other one to be running, wherever it is.
  bail: single('bail', task('late 1000')),
  'bail-slow': single('bail', task('sleep 4000')),
  'bail-later': single('bail', task('exit 0', { dependsOn: [{ projects: ['bail-slow'], target: 'bail' }] })),
};

export const FAILURE_PROJECTS: Record<string, SampleProject> = Object.fromEntries(
  Object.entries(PROJECTS).map(([name, project]) => [name, { root: `libs/${name}`, ...project }]),
);

export const FAILURE_FILES: Record<string, FileContent> = { 'tools/failures.cjs': SCRIPT };
