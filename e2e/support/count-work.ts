import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Preloaded into an nx command: counts how often Nx builds the project graph and hashes each task, and what git is asked without blocking,
 * as only dte does, and writes it down at the exit.
 */
const COUNTER = `
const { writeFileSync } = require('node:fs');
const Module = require('node:module');
const { promisify } = require('node:util');
const seen = { graphs: 0, hashed: {}, git: [] };
const processes = require('node:child_process');
const { execFile } = processes;
const asked = (file, args) => {
  if (file === 'git') seen.git.push(args.filter((each) => !/^(-c|safe\\.directory=.*)$/.test(each)).join(' '));
};
processes.execFile = function (file, args, ...rest) {
  asked(file, args);
  return execFile.call(this, file, args, ...rest);
};
processes.execFile[promisify.custom] = (file, args, ...rest) => {
  asked(file, args);
  return execFile[promisify.custom](file, args, ...rest);
};
const after = [
  [/nx\\/(dist\\/)?src\\/project-graph\\/build-project-graph\\.js$/, (exported) => {
    const build = exported.buildProjectGraphUsingProjectFileMap;
    exported.buildProjectGraphUsingProjectFileMap = (...args) => (seen.graphs++, build(...args));
  }],
  [/nx\\/(dist\\/)?src\\/hasher\\/native-task-hasher-impl\\.js$/, ({ NativeTaskHasherImpl: { prototype } }) => {
    // One of them calls the other.
    let isInside = false;
    for (const name of ['hashTask', 'hashTasks', 'hashTasksUpfront']) {
      const hash = prototype[name];
      // hashTasksUpfront: since 23.3.
      if (hash === undefined) continue;
      prototype[name] = async function (tasks, ...rest) {
        const isOuter = !isInside;
        isInside = true;
        const hashing = hash.call(this, tasks, ...rest);
        if (isOuter) isInside = false;
        const result = await hashing;
        // Up front, those that depend on outputs of others are left out.
        const ids = name === 'hashTasksUpfront' ? Object.keys(result) : [tasks].flat().map(({ id }) => id);
        if (isOuter) for (const id of ids) seen.hashed[id] = (seen.hashed[id] ?? 0) + 1;
        return result;
      };
    }
  }],
];
const load = Module.prototype.load;
Module.prototype.load = function (file) {
  load.call(this, file);
  for (const [path, patch] of after) if (path.test(file.replaceAll('\\\\', '/'))) patch(this.exports);
};
process.on('exit', () => {
  if (Object.keys(seen.hashed).length > 0) writeFileSync(process.env.COUNTED_WORK, JSON.stringify(seen));
});
`;

export interface CountedWork {
  /** How often the project graph was built. */
  readonly graphs: number;
  /** Task id -> how often it was hashed. */
  readonly hashed: Readonly<Record<string, number>>;
  /** The arguments of each git command. */
  readonly git: readonly string[];
}

/** @param folder an existing one, for the files of the count */
export function countWork(folder: string): { env: Record<string, string>; counted(): CountedWork } {
  const [script, file] = [join(folder, 'count-work.cjs'), join(folder, 'counted-work.json')];
  writeFileSync(script, COUNTER);
  return {
    env: { NODE_OPTIONS: `--require=${script}`, COUNTED_WORK: file },
    counted: () => JSON.parse(readFileSync(file, 'utf8')) as CountedWork,
  };
}
