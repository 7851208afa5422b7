import { GITLAB_FILE } from '../../pipeline';
import { hasImage } from '../ci/ci-file';
import { imageOf } from '../ci/image';
import { detectWork, type Detected } from '../survey/detect-work';
import { tellWork } from '../survey/tell-work';
import { type NxPorts } from '../survey/workspace-view';
import { type Report } from '../workspace/report';
import { textsOfWorkspace, type Repository } from '../workspace/repository';
import { type Tree } from '../workspace/tree';
import { detectImage } from './detect-image';
import { DEFAULTS, readHeader, type Flags, type Remembered } from './options';
import { userFiles } from './user-files';

interface Given {
  readonly tree: Tree;
  readonly repository: Repository;
  readonly flags: Flags;
  readonly report: Report;
  readonly ports: NxPorts;
}

interface Survey {
  readonly detected: Detected;
  /** Ends the report by what the pipeline of the planned files runs. */
  readonly tell: (files: ReadonlyMap<string, string>) => void;
}

/** The image of the jobs, as far as files of the workspace say; null if it is decided elsewhere. */
function imageFor(tree: Tree, flags: Flags, before: Remembered, ciFile: string): string | null {
  const named = flags.image ?? before.image;
  if (named === 'none' || (named === undefined && hasImage(ciFile))) return imageOf(ciFile);
  return named ?? detectImage(tree);
}

/** What the workspace's Nx and files say, before anything is planned. */
export async function survey({ tree, repository, flags, report, ports }: Given): Promise<Survey> {
  const view = await ports.view(tree.root);
  const before = readHeader(tree.exists(GITLAB_FILE) ? tree.read(GITLAB_FILE, 'utf-8') : null);
  const files = userFiles(tree, repository);
  const detected = await detectWork({
    tree,
    ciFile: repository.ciFile,
    view,
    ask: ports.ask,
    report,
    asked: flags.targets,
    remembered: before.targets,
    hasOwnMain: [...files.values()].some((text) => /\bstart-ci-run\b/.test(text)),
    image: imageFor(tree, flags, before, files.get(repository.ciFile) ?? ''),
    fallback: DEFAULTS,
  });
  const tell = (planned: ReadonlyMap<string, string>): void => {
    if (view.projects === null) return;
    tellWork(view.projects, textsOfWorkspace(planned, repository), report);
  };
  return { detected, tell };
}
