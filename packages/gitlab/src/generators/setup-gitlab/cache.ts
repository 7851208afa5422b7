import { DteError } from '@org/dte-protocol';
import { type CacheStore, type GitlabFileOptions } from '../../pipeline/options';
import { CACHE_FOLDER } from '../../pipeline/shared-job';
import { inRepository } from '../../pipeline/place';
import { type Report } from '../workspace/report';

const DOC = 'docs/how-to/shared-cache.md';

type Options = Pick<GitlabFileOptions, 'cache' | 'coordinator' | 'folder'>;

/** @throws DteError DTE_BAD_CONFIG if a store does not fit to where the coordinator is */
export function checkCache(cache: CacheStore, coordinator: string): void {
  const isEmbedded = coordinator === 'embedded';
  if (cache === 'coordinator' && isEmbedded)
    throw new DteError(
      'DTE_BAD_CONFIG',
      '--cache=coordinator keeps results in the folder of a standalone coordinator: give its address with --coordinator. A coordinator in the main job ends with it.',
    );
  if (cache === 'gitlab-artifacts' && !isEmbedded)
    throw new DteError(
      'DTE_BAD_CONFIG',
      '--cache=gitlab-artifacts keeps results in the artifacts of the main job that is the coordinator. With a standalone coordinator, use --cache=coordinator or --cache=s3.',
    );
}

/** The option `cache` of the workspace: a standalone coordinator does not read nx.json. */
export const cacheFor = ({ cache, coordinator }: Options): CacheStore =>
  coordinator === 'embedded' ? cache : 'none';

/**
 * What the store needs, and the generator cannot do.
 * @param ownMain the file with the user's own main job; null if it is ours
 */
export function tellCache(
  { cache, coordinator, ...placed }: Options,
  ownMain: string | null,
  report: Report,
): void {
  if (cache === 'none') return;
  if (coordinator !== 'embedded')
    report.hand(
      coordinator,
      `start \`dte coordinator\` with --cache=${cache}: it keeps the results, not the jobs (${DOC})`,
    );
  else if (cache === 's3')
    report.hand(
      'GitLab, Settings > CI/CD > Variables',
      `the bucket and its credentials for the main job, see "A bucket (s3)" in ${DOC}`,
    );
  else tellArtifacts(placed, ownMain, report);
}

function tellArtifacts(placed: Pick<Options, 'folder'>, ownMain: string | null, report: Report): void {
  report.hand(
    'GitLab, Settings > CI/CD > Variables',
    `without Premium or Ultimate: DTE_GITLAB_TOKEN, masked and not protected, a project access token with the role Reporter and the scope read_api. The token of a job may read artifacts of other pipelines only with Premium (${DOC})`,
  );
  if (ownMain !== null)
    report.hand(
      ownMain,
      `add ${inRepository(placed, CACHE_FOLDER)} to artifacts:paths of your main job, with when: always`,
    );
  report.tip(
    `The artifacts of the main job get larger, by up to 80 MB (DTE_CACHE_ARTIFACT_BYTES), and jobs of later stages download them unless they have \`dependencies: []\` or \`needs\`.`,
  );
}
