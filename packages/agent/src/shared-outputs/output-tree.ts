import { staticParts } from '@org/dte-nx-compat';

/** The path of an output, in parts: the names before its first wildcard. */
export type Claim = readonly string[];

interface PathNode {
  readonly children: Map<string, PathNode>;
  /** The tasks with outputs at exactly this path. */
  readonly owners: Set<string>;
}

const emptyNode = (): PathNode => ({ children: new Map(), owners: new Set() });

/** A negated output claims nothing. */
export const claimsOf = (outputs: readonly string[]): Claim[] =>
  outputs.filter((output) => !output.startsWith('!')).map(staticParts);

/** A tree of output paths, with the tasks that own them. */
export class OutputTree {
  private readonly root = emptyNode();

  add(owner: string, claim: Claim): void {
    let node = this.root;
    for (const part of claim) {
      let next = node.children.get(part);
      if (next === undefined) node.children.set(part, (next = emptyNode()));
      node = next;
    }
    node.owners.add(owner);
  }

  remove(owner: string, claim: Claim): void {
    release(this.root, claim, owner);
  }

  /** The tasks with outputs at, above or below a path. */
  overlapping(claim: Claim): Set<string> {
    const found = new Set<string>();
    let node: PathNode | undefined = this.root;
    for (const part of claim) {
      for (const owner of node.owners) found.add(owner);
      node = node.children.get(part);
      if (node === undefined) return found;
    }
    const below = [node];
    for (const each of below) {
      for (const owner of each.owners) found.add(owner);
      below.push(...each.children.values());
    }
    return found;
  }
}

/** Removes an owner and the nodes that become empty, so that the tree does not grow without bound. */
function release(node: PathNode, claim: Claim, owner: string): void {
  const [part, ...rest] = claim;
  if (part === undefined) {
    node.owners.delete(owner);
    return;
  }
  const child = node.children.get(part);
  if (child === undefined) return;
  release(child, rest, owner);
  if (child.owners.size === 0 && child.children.size === 0) node.children.delete(part);
}
