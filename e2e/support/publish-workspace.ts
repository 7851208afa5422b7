import {
  Fleet,
  install,
  sampleFiles,
  sampleNxJson,
  type FileContent,
  type SampleProject,
} from '@org/dte-testing';
import { LIGHT_NX } from './light-nx';

/** Prints on which machine it runs, and the content of a file. */
export const showCommand = (what: string, file: string): string =>
  `node -e "console.log('${what} ' + require('fs').readFileSync('${file}','utf8').trim() + ' on ' + process.env.MACHINE)"`;

const built = (name: string): string => `dist/packages/${name}/version.txt`;

/** A package whose build copies the committed version, and whose publish target publishes the content of dist. */
export const publishedPackage = (name: string, dependsOn: string[] = []): SampleProject => ({
  root: `packages/${name}`,
  dependsOn,
  targets: {
    build: {
      cache: true,
      dependsOn: ['^build'],
      inputs: ['{projectRoot}/version.txt'],
      outputs: ['{workspaceRoot}/dist/{projectRoot}'],
      command: `mkdir -p dist/packages/${name} && cp packages/${name}/version.txt ${built(name)} && ${showCommand(`built ${name}`, built(name))}`,
    },
    'nx-release-publish': {
      executor: 'nx:run-commands',
      options: { command: showCommand(`published ${name}`, built(name)) },
    },
  },
});

/** What Nx 22 and later require for a package that is not a JavaScript package. */
const VERSION_ACTIONS = `const { VersionActions } = require('nx/release');
module.exports = class extends VersionActions {
  validManifestFilenames = ['version.txt'];
  path() { return this.projectGraphNode.data.root + '/version.txt'; }
  async readCurrentVersionFromSourceManifest(tree) { return { manifestPath: this.path(), currentVersion: tree.read(this.path(), 'utf8').trim() }; }
  async readCurrentVersionFromRegistry() { return null; }
  async readCurrentVersionOfDependency() { return { currentVersion: null, dependencyCollection: null }; }
  async updateProjectVersion(tree, version) { tree.write(this.path(), version + '\\n'); return []; }
  async updateProjectDependencies() { return []; }
};
`;
const RELEASE = {
  projects: ['one', 'two'],
  version: {
    conventionalCommits: false,
    currentVersionResolver: 'disk',
    versionActions: './tools/actions.cjs',
    preVersionCommand: 'npx nx run-many -t build',
  },
};

/** Packages `one` and `two`, at 1.0.0, which are released from dist as documented by Nx. */
export function publishFleet(
  nx: string,
  {
    projects = {},
    files = {},
  }: { projects?: Record<string, SampleProject>; files?: Record<string, FileContent> } = {},
): Fleet {
  // Nx 20 has no versionActions, and publishes without them.
  const release = nx.startsWith('20.') ? { projects: RELEASE.projects } : RELEASE;
  const all = { one: publishedPackage('one'), two: publishedPackage('two'), ...projects };
  const versions = { 'packages/one/version.txt': '1.0.0\n', 'packages/two/version.txt': '1.0.0\n' };
  return Fleet.create({
    install: install({ nx }),
    env: LIGHT_NX,
    files: {
      ...sampleFiles(all, { ...sampleNxJson(), release }),
      ...versions,
      'tools/actions.cjs': VERSION_ACTIONS,
      ...files,
    },
  });
}
