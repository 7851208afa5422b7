/** Whether a fact still holds, and if not, what was found instead. */
export interface CanaryResult {
  ok: boolean;
  detail: string;
}

/** One fact about Nx that the rest of the project relies on. */
export interface CanaryCheck {
  /** The fact, as a sentence. */
  name: string;
  /** The majors to which it applies. */
  majors: readonly number[];
  /**
   * Checks it in this process. Leaves no variable or module changed; may write to Nx's cache and database, so the
   * process should have throwaway ones. Rejects only if the check itself is broken.
   * @param workspaceRoot absolute folder with nx.json, which must be the current one
   * @param nxRequire resolves from that folder, as created by `createRequire`
   */
  run(workspaceRoot: string, nxRequire: NodeJS.Require): Promise<CanaryResult>;
}

export const ALL_MAJORS = [20, 21, 22, 23, 24] as const;

/** Compares as JSON, so that `detail` shows both sides of a difference. */
export function expectEqual(seen: unknown, wanted: unknown): CanaryResult {
  const [left, right] = [JSON.stringify(seen), JSON.stringify(wanted)];
  return left === right ? { ok: true, detail: right } : { ok: false, detail: `${left} instead of ${right}` };
}
