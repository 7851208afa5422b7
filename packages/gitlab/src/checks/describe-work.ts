import { plural } from '@org/dte-protocol';
import { partsOf, projectsByTarget, type TargetsOfProject } from './workspace-targets';

/** As many names as a reader takes in; the others are counted. */
const NAMES_SHOWN = 12;

/** What a pipeline with these targets does in a workspace. */
export interface Work {
  readonly tasks: number;
  /** Tasks by target, in the order of the command line; targets that no project has are not in it. */
  readonly runs: readonly { readonly target: string; readonly tasks: number }[];
  /** Targets of the command line that no project has. */
  readonly missing: readonly string[];
  /** Targets that run because others depend on them. */
  readonly before: readonly string[];
  /** The workspace's other checks. */
  readonly checksLeftOut: readonly Left[];
  /** The workspace's other targets: servers, deployments, and whatever is no check. */
  readonly othersLeftOut: readonly Left[];
}

export interface Left {
  readonly target: string;
  readonly projects: number;
}

const matches = (pattern: string, name: string): boolean =>
  pattern.includes('*')
    ? new RegExp(
        `^${pattern
          .split('*')
          .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
          .join('.*')}$`,
      ).test(name)
    : pattern === name;

/** Everything that runs when the targets run, by name. */
function closureOf(projects: readonly TargetsOfProject[], targets: readonly string[]): Set<string> {
  const all = [...projectsByTarget(projects).keys()];
  const found = new Set(targets);
  for (const name of found) {
    for (const project of projects) {
      const parts = [name, ...partsOf(project, name)];
      for (const pattern of parts.flatMap((part) => project.targets.get(part)?.dependsOn ?? []))
        for (const before of all.filter((each) => matches(pattern, each))) found.add(before);
    }
  }
  return found;
}

/** Nx adds it to every package. */
const RELEASE = 'nx-release-publish';

/** It does nothing itself, so nothing is left out. */
const onlyGroups = ({ targets }: TargetsOfProject, name: string): boolean => {
  const target = targets.get(name);
  return target?.isNoop === true && target.splitFrom === null;
};

/** @param targets of the pipeline's nx commands */
export function workOfPipeline(projects: readonly TargetsOfProject[], targets: readonly string[]): Work {
  const having = projectsByTarget(projects);
  const named = [...new Set(targets)];
  const isThere = (target: string): boolean => projects.some((project) => project.targets.has(target));
  const runs = named.filter(isThere).map((target) => {
    const each = projects
      .filter((project) => project.targets.has(target))
      .map((project) => {
        const { isNoop = false } = project.targets.get(target) ?? {};
        return partsOf(project, target).length || (isNoop ? 0 : 1);
      });
    return { target, tasks: each.reduce((sum: number, count) => sum + count, 0) };
  });
  const closure = closureOf(projects, named);
  /** Split and whole targets do the same: one of them is enough, and the split one stands for both. */
  const doneElsewhere = ({ targets: all }: TargetsOfProject, name: string): boolean =>
    closure.has(all.get(name)?.splitFrom ?? '') ||
    [...all.values()].some(({ splitFrom }) => splitFrom === name);
  const left = [...having]
    .filter(([target]) => !closure.has(target) && target !== RELEASE)
    .map(([target, all]) => ({
      target,
      all: all.filter((project) => !doneElsewhere(project, target) && !onlyGroups(project, target)),
    }))
    .filter(({ all }) => all.length > 0)
    .map(({ target, all }) => ({
      target,
      projects: all.length,
      isCheck: all.some((project) => (project.targets.get(target)?.kind ?? null) !== null),
    }))
    .sort((a, b) => b.projects - a.projects || (a.target < b.target ? -1 : 1));
  const leftOut = (isCheck: boolean): Left[] =>
    left
      .filter((each) => each.isCheck === isCheck)
      .map(({ target, projects: count }) => ({ target, projects: count }));
  return {
    tasks: runs.reduce((sum, { tasks }) => sum + tasks, 0),
    runs,
    missing: named.filter((target) => !isThere(target)),
    before: [...closure].filter((target) => !named.includes(target)).sort(),
    checksLeftOut: leftOut(true),
    othersLeftOut: leftOut(false),
  };
}

function listed(left: readonly Left[]): string {
  const shown = left
    .slice(0, NAMES_SHOWN)
    .map(
      ({ target, projects }, index) => `${target} (${index === 0 ? plural(projects, 'project') : projects})`,
    );
  const more = left.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

export interface Sentence {
  readonly text: string;
  /** Is it about checks that a pipeline leaves out? */
  readonly isGap: boolean;
}

/** What the pipeline runs, and what it does not. */
export function describeWork({ tasks, runs, before, checksLeftOut, othersLeftOut }: Work): Sentence[] {
  const counts = runs.map(({ target, tasks: count }) => `${target} (${count})`).join(', ');
  const first =
    before.length === 0 ? '' : `, and what they depend on: ${before.slice(0, NAMES_SHOWN).join(', ')}`;
  const told = `When everything is affected, the pipeline runs ${plural(tasks, 'task')}: ${counts}${first}.`;
  const sentences = [{ text: tasks === 0 ? 'The pipeline runs no task.' : told, isGap: tasks === 0 }];
  if (checksLeftOut.length > 0)
    sentences.push({
      text: `It does not run these checks of the workspace: ${listed(checksLeftOut)}.`,
      isGap: true,
    });
  if (othersLeftOut.length > 0)
    sentences.push({ text: `It does not run: ${listed(othersLeftOut)}.`, isGap: false });
  return sentences;
}
