import { isMap } from 'yaml';
import { renderGitlabFile, type GitlabFileOptions } from '../../pipeline';
import { writePools } from '../../pipeline/pools';
import { applySplices, lineStart } from '../text/splice';
import { contentEnd, linesOfNode, rangeOf, readYaml, textsOf, topPair } from '../text/yaml';
import { headerOf } from './options';

/** The required parts of the generated file: the user's own jobs may already do some of the work. */
export type Wanted = 'all' | 'agents';

/** Without the job that runs `dte start-ci-run`, and without the comment above it. */
function withoutMain(text: string): string {
  const root = readYaml(text)?.root;
  const main = root
    ? textsOf(root).find(({ scalar }) => /\bdte start-ci-run\b/.test(scalar.value))
    : undefined;
  const job = main === undefined ? undefined : topPair(main.parents);
  if (job === undefined || !isMap(job.value)) return text;
  const lines = linesOfNode(text, rangeOf(job.key).start, contentEnd(job));
  let { start } = lines;
  while (start > 0) {
    const above = lineStart(text, start - 1);
    if (!/^(?:#.*)?\r?\n$/.test(text.slice(above, start))) break;
    start = above;
  }
  return applySplices(text, [{ ...lines, start, text: '' }]);
}

/** `.gitlab/dte.yml`, with its options in the first line. */
export function gitlabFile(options: GitlabFileOptions, wanted: Wanted): string {
  const {
    packageManager: _,
    packageManagerVersion: __,
    lockfile: ___,
    folder: ____,
    pools,
    agents,
    image,
    artifacts,
    tags,
    slots,
    formatCheck,
    cache,
    ...rest
  } = options;
  // In this order, that of the first version: a second run must not rewrite a file only because the order is another one.
  const header = headerOf({
    agents: pools.length === 0 ? agents : writePools(pools),
    ...rest,
    image: image ?? 'none',
    artifacts: artifacts.length === 0 ? ['none'] : artifacts,
    tags: tags.length === 0 ? ['none'] : tags,
    // Not written if off: a file of an earlier version stays as it is.
    slots: slots === 'auto' ? slots : undefined,
    formatCheck: formatCheck || undefined,
    cache: cache === 'none' ? undefined : cache,
  });
  const body = renderGitlabFile(options);
  return header + (wanted === 'all' ? body : withoutMain(body));
}
