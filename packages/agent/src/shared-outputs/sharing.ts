import { claimsOf, OutputTree } from './output-tree';

/** The properties that decide whether tasks write to one another's outputs. */
export interface SharingTask {
  readonly id: string;
  readonly outputs: readonly string[];
  /** Ids; ids of other tasks are ignored. */
  readonly dependencies: readonly string[];
  /** Ids of the servers that run while it does. */
  readonly servers?: readonly string[];
}

/** Which tasks of a run have outputs at, above or below those of another: `build` and `build-types` may both write `dist`. */
export class OutputSharing {
  private readonly tasks: ReadonlyMap<string, SharingTask>;
  private readonly tree = new OutputTree();
  private readonly closures = new Map<string, ReadonlySet<string>>();
  private readonly found = new Map<string, readonly string[]>();

  constructor(tasks: Iterable<SharingTask>) {
    this.tasks = new Map([...tasks].map((task) => [task.id, task]));
    for (const { id, outputs } of this.tasks.values())
      for (const claim of claimsOf(outputs)) this.tree.add(id, claim);
  }

  /** The others whose outputs may overlap those of this task. */
  overlapping(id: string): readonly string[] {
    const known = this.found.get(id);
    if (known !== undefined) return known;
    const claims = claimsOf(this.tasks.get(id)?.outputs ?? []);
    const found = new Set(claims.flatMap((claim) => [...this.tree.overlapping(claim)]));
    found.delete(id);
    this.found.set(id, [...found]);
    return [...found];
  }

  /**
   * Those of them that neither depend on this task nor are its dependencies: neither has seen what the other has written,
   * so neither can have deleted it.
   */
  unrelated(id: string): string[] {
    return this.overlapping(id).filter(
      (other) => !this.closureOf(id).has(other) && !this.closureOf(other).has(id),
    );
  }

  /** Its direct and indirect dependents: their files overwrite its outputs. */
  dependants(id: string): string[] {
    return this.overlapping(id).filter((other) => this.closureOf(other).has(id));
  }

  /** Those of its dependencies, direct or not, whose outputs overlap its own: it has seen what they have left. */
  seen(id: string): string[] {
    return this.overlapping(id).filter((other) => this.closureOf(id).has(other));
  }

  /** Tasks whose outputs this one may read while it runs, and others may replace: those that it or its servers need. */
  read(id: string): string[] {
    const needed = new Set([id]);
    for (const each of needed) {
      const { dependencies = [], servers = [] } = this.tasks.get(each) ?? {};
      for (const next of [...dependencies, ...servers]) needed.add(next);
    }
    needed.delete(id);
    return [...needed].filter((each) => this.overlapping(each).length > 0);
  }

  private closureOf(id: string): ReadonlySet<string> {
    const known = this.closures.get(id);
    if (known !== undefined) return known;
    const closure = new Set(this.tasks.get(id)?.dependencies);
    // A Set is iterated in the order of insertion, including additions.
    for (const needed of closure)
      for (const next of this.tasks.get(needed)?.dependencies ?? []) closure.add(next);
    this.closures.set(id, closure);
    return closure;
  }
}
