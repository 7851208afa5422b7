import {
  browsersOf,
  describeWork,
  plainList,
  projectsByTarget,
  workOfPipeline,
  type Sentence,
  type TargetsOfProject,
} from '../../checks';
import { type Report } from '../workspace/report';
import { pipelineTargets } from './pipeline-targets';
import { similarTo } from './similar';

/** Projects in which a target has a property. */
const namesWhere = (
  projects: readonly TargetsOfProject[],
  target: string,
  property: 'isEndless' | 'isPlaceholder',
): string[] => projects.filter(({ targets }) => targets.get(target)?.[property]).map(({ name }) => name);

/** Sentences about what GitLab files run in a workspace, and what would make their pipeline wrong. */
export interface PipelineStory {
  readonly sentences: readonly Sentence[];
  /** By the target that it is about. */
  readonly problems: readonly (readonly [place: string, what: string])[];
  /** The pipeline ends green and has tested nothing. */
  readonly testsNothing: boolean;
  /** Targets that the nx commands name. */
  readonly targets: readonly string[];
}

function problemsOf(projects: readonly TargetsOfProject[], target: string): string[] {
  const endless = namesWhere(projects, target, 'isEndless');
  const placeholders = namesWhere(projects, target, 'isPlaceholder');
  return [
    ...(endless.length > 0
      ? [`it does not end in ${plainList(endless)}, and the pipeline would wait for it`]
      : []),
    ...(placeholders.length > 0
      ? [
          `in ${plainList(placeholders)} it is the script of \`npm init\`, which always fails: remove that script`,
        ]
      : []),
  ];
}

/** @param texts of the GitLab files */
export function storyOf(projects: readonly TargetsOfProject[], texts: Iterable<string>): PipelineStory {
  const { targets, unread, found } = pipelineTargets(texts);
  const work = workOfPipeline(projects, targets);
  const names = [...projectsByTarget(projects).keys()].sort();
  const missing = work.missing.map((target) => {
    const similar = similarTo(target, names);
    const hint = similar.length === 0 ? '' : ` (there are: ${similar.join(', ')})`;
    return [`target ${target}`, `no project has it, so it tests nothing${hint}`] as const;
  });
  const others = targets.flatMap((target) =>
    problemsOf(projects, target).map((what) => [`target ${target}`, what] as const),
  );
  const isKnown = found && unread === null;
  const unknown = found
    ? `What \`${unread ?? ''}\` runs is known only in the pipeline.`
    : 'No `nx affected` or `nx run-many` was found in the GitLab files here: what the pipeline runs is unknown.';
  return {
    sentences: isKnown ? describeWork(work) : [{ text: unknown, isGap: true }],
    problems: [...missing, ...others],
    testsNothing: isKnown && work.tasks === 0 && names.length > 0,
    targets,
  };
}

/** Ends a report by what the pipeline runs. */
export function tellWork(
  projects: readonly TargetsOfProject[],
  texts: Iterable<string>,
  report: Report,
): void {
  const { sentences, problems } = storyOf(projects, texts);
  for (const [place, what] of problems) report.hand(place, what);
  for (const { text } of sentences) report.summary(text);
}

/** Targets whose tests need a browser, which an image does not have. */
export const withoutBrowser = (
  projects: readonly TargetsOfProject[],
  targets: readonly string[],
): { readonly target: string; readonly browsers: readonly string[] }[] =>
  targets
    .map((target) => ({ target, browsers: browsersOf(projects, target) }))
    .filter(({ browsers }) => browsers.length > 0);
