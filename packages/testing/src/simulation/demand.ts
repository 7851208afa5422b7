export function demand(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`Checker: ${what}`);
}
