/** Whether a fact still holds, and what was seen instead when it does not. */
export interface CanaryResult {
  ok: boolean;
  detail: string;
}

/** One fact about Nx that the rest of the project is built on. */
export interface CanaryCheck {
  /** The fact, as a sentence. */
  name: string;
  /** The majors it is claimed for. */
  majors: readonly number[];
  /**
   * Checks it in this process. Leaves no variable or module changed; may write to Nx's cache and database, so the process
   * should have throwaway ones. Rejects only when the check itself is broken.
   * @param workspaceRoot absolute folder with nx.json, which must be the current one
   * @param nxRequire resolves from that folder, as `createRequire` makes it
   */
  run(workspaceRoot: string, nxRequire: NodeJS.Require): Promise<CanaryResult>;
}

export const ALL_MAJORS = [20, 21, 22, 23, 24] as const;

/** Compares by JSON, so that `detail` shows both sides of a difference. */
export function expectEqual(seen: unknown, wanted: unknown): CanaryResult {
  const [left, right] = [JSON.stringify(seen), JSON.stringify(wanted)];
  return left === right ? { ok: true, detail: right } : { ok: false, detail: `${left} instead of ${right}` };
}
