import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import {
  DEFAULT_NX_VERSION,
  type FakeGitlab,
  Fleet,
  install,
  type Machine,
  Pipeline,
  REPOSITORY,
  SAMPLE_CHANGE,
  SAMPLE_TARGET_DEFAULTS,
  sampleCommand,
  sampleFiles,
  sampleNxJson,
  sampleProject,
  startFakeGitlab,
} from '@org/dte-testing';
import {
  type Block,
  type Document,
  flagsIn,
  type Mention,
  mentionsIn,
  mentionsOf,
  readDocument,
  readDocuments,
} from '../support/documents';
import { expectExit } from '../support/expect-exit';
import { machinesOf, ownLines, plain, ranOn, shapeOf } from '../support/log';
import { LIGHT_NX } from '../support/light-nx';

/** The .gitlab-ci.yml that one writes without the generator. */
interface Pipelines {
  default: { id_tokens: unknown };
  variables: Record<string, string>;
  main: { script: string[] };
  agent: { script: string[] };
}

/** Flags in the documents that are not the CLI's: those of nx, yarn, gitlab-runner, helm, buildah and `npm run parity`. */
const FLAGS_OF_OTHERS = [
  '--nx',
  '--parallel',
  '--batch',
  '--skip-nx-cache',
  '--skip-remote-cache',
  '--verbose',
  '--exclude-task-dependencies',
  // For an nx command whose tasks must not be distributed.
  '--no-agents',
  '--no-dte',
  '--ignore-engines',
  '--tls-ca-file',
  '--set',
  '--build-arg',
];

/** Flags of our generators, as Nx reads them in a workspace with the packages installed. */
function flagsOfGenerators(laptop: Machine): string[] {
  const own = 'node_modules/@org/dte';
  const manifest = JSON.parse(laptop.read(`${own}/package.json`)) as { generators: string };
  const list = join(own, manifest.generators);
  const { generators } = JSON.parse(laptop.read(list)) as { generators: Record<string, { schema: string }> };
  return Object.values(generators).flatMap(({ schema }) => {
    const { properties } = JSON.parse(laptop.read(join(dirname(list), schema))) as { properties: object };
    return Object.keys(properties).map(
      (name) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    );
  });
}

/** What every user of the setup without the generator copies. */
const manual = readDocument('docs/how-to/set-up-manually.md');
const logPage = readDocument('docs/reference/log.md');
const commandsPage = readDocument('docs/reference/commands.md');
/** Its flags are another program's: a spec of the generator compares them with what it does. */
const MIGRATION = 'docs/how-to/migrate.md';
const documents = readDocuments();

function blockOf({ blocks, path }: Document, language: string): Block {
  const [block, another] = blocks.filter((candidate) => candidate.language === language);
  if (block === undefined || another !== undefined)
    throw new Error(`${path} should have one block of ${language}`);
  return block;
}

const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;

/** The install is not repeated: the machines have the packages. */
const stepsOf = ({ script }: { script: string[] }): string[] => script.filter((line) => line !== 'npm ci');

describe('the documents', () => {
  let fleet: Fleet;
  let laptop: Machine;
  let gitlab: FakeGitlab;

  beforeAll(async () => {
    gitlab = await startFakeGitlab({ projects: [{ id: 7 }] });
    const beta = sampleProject('beta', 'libs/beta', { alpha: 'libs/alpha' });
    beta.targets['e2e-ci'] = { dependsOn: ['build'], command: sampleCommand('beta:e2e-ci', { sleep: 1500 }) };
    const nxJson = {
      ...sampleNxJson({ plugin: false, targetDefaults: SAMPLE_TARGET_DEFAULTS }),
      ...json(blockOf(manual, 'json').text),
    };
    fleet = Fleet.create({
      install: install({ nx: DEFAULT_NX_VERSION }),
      files: sampleFiles({ alpha: sampleProject('alpha', 'libs/alpha'), beta }, nxJson),
      change: SAMPLE_CHANGE,
      env: LIGHT_NX,
    });
    laptop = fleet.machine('laptop', { ci: false });
  });

  afterAll(async () => {
    await gitlab.close();
    expect(await fleet.close()).toEqual([]);
  });

  const readPipeline = (): Pipelines => {
    // Nx reads YAML itself, so a parser is always installed with it.
    const requireAsNx = createRequire(laptop.path('node_modules/nx/package.json'));
    const { parse } = requireAsNx('yaml') as { parse: (text: string) => Pipelines };
    return parse(blockOf(manual, 'yaml').text);
  };

  it('show a nx.json and a pipeline that distribute: an agent runs the tasks, and all jobs end by themselves', async () => {
    const { default: defaults, variables, main, agent } = readPipeline();
    // As on the page: a standalone coordinator, found by its address, and id tokens.
    expect(defaults.id_tokens).toEqual({ DTE_ID_TOKEN: { aud: 'dte' } });
    const service = fleet
      .machine('service')
      .startDte(['coordinator', '--host=0.0.0.0', '--port=0', `--issuers=${gitlab.url}`]);
    await service.waitForOutput(/coordinator on \S+/);
    const [, port] = /coordinator on \S+:(\d+)/.exec(service.output())!;
    const claims = { project_id: '7', pipeline_id: '1001', sha: fleet.head };
    const env = {
      ...variables,
      DTE_COORDINATOR_URL: `http://127.0.0.1:${port}`,
      DTE_PROGRESS_MS: '200',
      DTE_RENDEZVOUS_DIR: undefined,
      DTE_SESSION_ID: '7-1001',
      CI_SERVER_URL: gitlab.url,
      DTE_ID_TOKEN: gitlab.idToken({ ...claims, job_id: '50' }),
    };
    const pipeline = new Pipeline(fleet, fleet.machine('main'));
    const [open, ...commands] = stepsOf(main);
    const run = (line: string) => pipeline.main.run('sh', ['-ec', line], { env });

    expectExit(await run(open!), 0, pipeline);
    const job = fleet.machine('agent').start('sh', ['-ec', stepsOf(agent).join('\n')], { env });
    await job.waitForOutput('is connected to');
    const exit = await run(commands.join('\n'));

    expectExit(exit, 0, pipeline);
    expect(Object.keys(ranOn(fleet.journal()))).toHaveLength(7);
    expect(machinesOf(fleet.journal())).toEqual(['agent']);
    expect(pipeline.main.read('dist/libs/beta/out.txt')).toBe('beta:build\nalpha:build\n');
    // --stop-agents-after names a target that has run.
    expectExit(await job.end(), 0, pipeline);
    service.signal('SIGTERM');
    expectExit(await service.end(), 0, pipeline);
    await pipeline.everybodyGone();

    const log = logPage.blocks.find(({ text }) => text.startsWith('dte: session'))!;
    const [first, progress, last] = log.text.split('\n').filter((line) => line.startsWith('dte:'));
    const lines = ownLines(exit.output);
    expect(lines[0]).toMatch(shapeOf(first!, 3));
    expect(lines).toContainEqual(expect.stringMatching(shapeOf(progress!, 2)));
    expect(lines.at(-1)).toMatch(shapeOf(last!, 1));
  });

  it("name commands and flags that the CLI knows, and so do the CLI's own examples", async () => {
    const help = async (...command: string[]): Promise<string> => {
      const exit = await laptop.dte([...command, '--help']);
      expectExit(exit, 0);
      return plain(exit.output);
    };
    const known = new Map<string, string[]>();
    const commands: string[] = [];
    const helpTexts = [await help()];
    for (const [, names = ''] of helpTexts[0]!.matchAll(/^ {2}((?!help )[a-z|-]+) .*\S/gm)) {
      const [command = ''] = names.split('|');
      const own = await help(command);
      // `dte cache forget`: the flags are those of its own commands.
      const [, list = ''] = own.split('\nCommands:\n');
      const below = [...list.matchAll(/^ {2}((?!help )[a-z-]+) .*\S/gm)].map(([, name = '']) => name);
      const text = [own, ...(await Promise.all(below.map((name) => help(command, name))))].join('\n');
      commands.push(command);
      helpTexts.push(text);
      const flags = [...text.matchAll(/^ +(?:-\w, )?(--[a-z-]+)/gm)].map(([, flag = '']) => flag);
      for (const name of names.split('|')) known.set(name, flags);
    }
    const isUnknown = ({ command, flags }: Mention): boolean =>
      known.get(command) === undefined || flags.some((flag) => !known.get(command)!.includes(flag));
    const mentions = documents.map((document): [string, Mention[]] => [document.path, mentionsOf(document)]);
    mentions.push(['--help', helpTexts.flatMap(mentionsIn)]);
    const generated = flagsOfGenerators(laptop);
    const anyFlag = new Set([...[...known.values()].flat(), ...generated, ...FLAGS_OF_OTHERS]);
    const generatorCalls = documents
      .flatMap(({ blocks }) => blocks.flatMap(({ text }) => text.split('\n')))
      .filter((line) => line.includes('@org/dte:'));
    const flagSpans = documents
      .filter(({ path }) => path !== MIGRATION)
      .flatMap(({ spans }) => spans.flat().filter((span) => span.startsWith('--')));

    expect(mentionsOf(commandsPage).map(({ command }) => command)).toEqual(expect.arrayContaining(commands));
    expect(commands).toContain('start-agent');
    expect(
      mentions.flatMap(([path, found]) => found.filter(isUnknown).map((it) => ({ path, ...it }))),
    ).toEqual([]);
    expect(flagSpans.flatMap(flagsIn).filter((flag) => !anyFlag.has(flag))).toEqual([]);
    expect(generatorCalls.flatMap(flagsIn).filter((flag) => !generated.includes(flag))).toEqual([]);
  });

  it('name variables and options of nx.json that exist', () => {
    const spansOf = (path: string): string[] => readDocument(path).spans.flat();
    const reference = new Set([
      ...spansOf('docs/reference/configuration.md'),
      ...spansOf('docs/reference/limits.md'),
    ]);
    // Without the notes inside the packages: they mention variables that users never set.
    const variables = documents
      .filter(({ path }) => !path.startsWith('packages'))
      .flatMap(({ text }) => text.match(/\bDTE_[A-Z_]+\b/g) ?? []);
    // Error codes have the same form.
    const codes = readDocument('docs/reference/errors.md').anchors;
    const options = documents
      .flatMap(({ blocks }) => blocks.filter(({ language }) => language === 'json'))
      .map(({ text }) => json(text) as { tasksRunnerOptions?: { default: { options: object } } })
      .flatMap((nxJson) => Object.keys(nxJson.tasksRunnerOptions?.default.options ?? {}));

    expect(variables.filter((name) => !reference.has(name) && !codes.has(name.toLowerCase()))).toEqual([]);
    expect(options.filter((name) => !reference.has(name))).toEqual([]);
  });

  it.each(documents.map((document) => [document.path, document] as const))(
    'link to what is there: %s',
    (path, { links, spans, text }) => {
      const { scripts } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8')) as {
        scripts: Record<string, string>;
      };
      const targetOf = (link: string): string =>
        link.startsWith('#') ? path : join(dirname(path), link.split('#')[0]!);
      const isBroken = (link: string): boolean => {
        const target = targetOf(link);
        if (!existsSync(join(REPOSITORY, target))) return true;
        const anchor = link.split('#')[1];
        return anchor !== undefined && !readDocument(target).anchors.has(anchor);
      };
      const paths = spans.flat().filter((span) => /^(packages|e2e|docs|tools|\.ci)\/[\w./-]+$/.test(span));
      const runs = [...text.matchAll(/\bnpm (?:run ([\w:]+)|(test)\b)/g)].map(
        ([, run, test]) => run ?? test!,
      );

      expect(links.filter(isBroken)).toEqual([]);
      expect(paths.filter((name) => !existsSync(join(REPOSITORY, name)))).toEqual([]);
      expect(runs.filter((name) => scripts[name] === undefined)).toEqual([]);
    },
  );
});
