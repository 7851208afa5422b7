/** What decides whether tasks write to one another's outputs. */
export interface SharingTask {
  readonly id: string;
  readonly outputs: readonly string[];
  /** Ids; what is no task here is passed over. */
  readonly dependencies: readonly string[];
}

/** Folders of output paths, each knowing whose outputs are exactly there. */
class PathNode {
  readonly children = new Map<string, PathNode>();
  readonly owners = new Set<string>();
}

/** The part of an output before its first glob character; a negated one claims nothing. */
export function claimOf(output: string): string[] | null {
  if (output.startsWith('!')) return null;
  const parts = output.split('/').filter((part) => part !== '' && part !== '.');
  const glob = parts.findIndex((part) => /[*?[\]{}()!]/.test(part));
  return glob === -1 ? parts : parts.slice(0, glob);
}

const claimsOf = ({ outputs }: Pick<SharingTask, 'outputs'>): string[][] =>
  outputs.map(claimOf).filter((claim) => claim !== null);

/** Which tasks of a run have outputs at, above or below those of another: `build` and `build-types` may both write `dist`. */
export class OutputSharing {
  private readonly tasks: ReadonlyMap<string, SharingTask>;
  private readonly root = new PathNode();
  private readonly closures = new Map<string, ReadonlySet<string>>();
  private readonly found = new Map<string, readonly string[]>();

  constructor(tasks: Iterable<SharingTask>) {
    this.tasks = new Map([...tasks].map((task) => [task.id, task]));
    for (const task of this.tasks.values()) {
      for (const claim of claimsOf(task)) {
        let node = this.root;
        for (const part of claim) {
          let next = node.children.get(part);
          if (next === undefined) node.children.set(part, (next = new PathNode()));
          node = next;
        }
        node.owners.add(task.id);
      }
    }
  }

  /** The others whose outputs may overlap those of this task. */
  overlapping(id: string): readonly string[] {
    const known = this.found.get(id);
    if (known !== undefined) return known;
    const task = this.tasks.get(id);
    const found = new Set(task === undefined ? [] : claimsOf(task).flatMap((claim) => this.at(claim)));
    found.delete(id);
    this.found.set(id, [...found]);
    return [...found];
  }

  /**
   * Those of them that neither need this task nor are needed by it: neither has seen what the other has written, so
   * neither can have deleted it.
   */
  unrelated(id: string): string[] {
    return this.overlapping(id).filter(
      (other) => !this.closureOf(id).has(other) && !this.closureOf(other).has(id),
    );
  }

  /** Those that need this task, directly or not: what they have left lies on top of its outputs. */
  dependants(id: string): string[] {
    return this.overlapping(id).filter((other) => this.closureOf(other).has(id));
  }

  private closureOf(id: string): ReadonlySet<string> {
    const known = this.closures.get(id);
    if (known !== undefined) return known;
    const closure = new Set(this.tasks.get(id)?.dependencies);
    // A Set is walked in the order of insertion, additions included.
    for (const needed of closure)
      for (const next of this.tasks.get(needed)?.dependencies ?? []) closure.add(next);
    this.closures.set(id, closure);
    return closure;
  }

  /** Whose outputs are at, above or below a path. */
  private at(claim: readonly string[]): string[] {
    const found: string[] = [];
    let node: PathNode | undefined = this.root;
    for (const part of claim) {
      found.push(...node.owners);
      node = node.children.get(part);
      if (node === undefined) return found;
    }
    const below = [node];
    for (const each of below) {
      found.push(...each.owners);
      below.push(...each.children.values());
    }
    return found;
  }
}
