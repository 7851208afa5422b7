// npm run parity -- <workspace folder> [options] -- <nx command>
//
// Runs an nx command of any workspace plain and distributed (a main job and two agents on this machine, each with its own
// clone, HOME and caches), cold and then warm, and compares the results of all tasks. The workspace itself is only read.
//
//   --agents=2        number of agents
//   --once            do not run the plain side a second time to find out what is not reproducible
//   --ignore=<glob>   output files to ignore (* and **); can be repeated
//   --env=<name>      a variable of this shell that is passed to the command and the agents; can be repeated
//   --base=<commit>   NX_BASE; default: the parent of the last commit, or the last commit if something is not committed
//
// The last line is machine-readable. The exit code is 1 if something differs, or if no task ran on an agent.
import { packAll } from './pack.mjs';
import { red } from './lib/terminal.mjs';
import { loadWorkspaceFactory, withFleet } from './lib/testing.mjs';

const USAGE =
  'npm run parity -- <workspace folder> [--agents=2] [--once] [--ignore=<glob>] [--env=<name>] [--base=<commit>] -- <nx command>';

function parseArguments(args) {
  const end = args.indexOf('--');
  if (end < 0 || end === args.length - 1) throw new Error(`The nx command is missing: ${USAGE}`);
  const [own, command] = [args.slice(0, end), args.slice(end + 1)];
  const options = { agents: 2, once: false, ignore: [], env: [], base: undefined };
  const folders = [];
  for (const arg of own) {
    const [, name, value] = /^--([a-z]+)(?:=(.+))?$/.exec(arg) ?? [];
    if (name === undefined) folders.push(arg);
    else if (name === 'agents' && /^[1-9]\d?$/.test(value ?? '')) options.agents = Number(value);
    else if (name === 'once' && value === undefined) options.once = true;
    else if ((name === 'ignore' || name === 'env') && value !== undefined) options[name].push(value);
    else if (name === 'base' && value !== undefined) options.base = value;
    else throw new Error(`${arg} is unknown or invalid: ${USAGE}`);
  }
  if (folders.length !== 1) throw new Error(`Exactly one workspace folder is required: ${USAGE}`);
  if (command[0] === 'nx') command.shift();
  return { folder: folders[0], command, ...options };
}

/** Lines of the main job's output to show if there is nothing to compare. */
const SHOWN_LINES = 30;

/** `*` matches anything within a folder, `**` anything. */
const globToRegExp = (glob) =>
  new RegExp(
    `^${glob
      .split(/(\*\*\/?|\*)/)
      .map((part) =>
        part.startsWith('**') ? '.*' : part === '*' ? '[^/]*' : part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'),
      )
      .join('')}$`,
  );

async function main() {
  const { folder, command, agents, once, ignore, env, base } = parseArguments(process.argv.slice(2));
  await packAll();
  const { Fleet, ParityBench, describeReport, existingWorkspace, install, lastLine } = loadWorkspaceFactory();
  const ours = install({ nx: null });
  console.log(`Copying ${folder}`);
  const fleet = Fleet.from(existingWorkspace(folder, ours, base));
  const variables = Object.fromEntries(
    env.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  );
  const patterns = ignore.map(globToRegExp);
  const report = await withFleet(fleet, async () => {
    const bench = await ParityBench.open(fleet, { agents, twice: !once, env: variables });
    console.log('Running the command plain and distributed, cold and warm');
    const found = await bench.compare(command, {
      deadlineMs: 3_600_000,
      ignore: ({ path }) => path !== undefined && patterns.some((pattern) => pattern.test(path)),
    });
    await bench.pipeline.complete();
    return found;
  });
  console.log(describeReport(report));
  const [cold] = report.rounds;
  const isDistributed = Object.values(cold.places).some((place) => place.startsWith('agent-'));
  if (!isDistributed) {
    const end = cold.exits.distributed.output.trimEnd().split('\n').slice(-SHOWN_LINES);
    console.log(red('No task ran on an agent, so nothing was distributed. Last output of the main job:'));
    console.log(end.map((line) => `  ${line}`.trimEnd()).join('\n'));
  }
  console.log(lastLine(report));
  return isDistributed && report.differences === 0 ? 0 : 1;
}

process.exitCode = await main().catch((error) => {
  console.error(red(error.message));
  return 2;
});
