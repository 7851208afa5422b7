/** Undoes the change; idempotent. */
export type Restore = () => void;

/** Replaces members of an object that exist and are functions; members that a version does not have are skipped. */
export function replaceFunctions(target: object, replacements: Record<string, unknown>): Restore {
  const owner = target as Record<string, unknown>;
  const restores = Object.entries(replacements)
    .filter(([name]) => typeof owner[name] === 'function')
    .map(([name, replacement]) => {
      const own = Object.getOwnPropertyDescriptor(owner, name);
      owner[name] = replacement;
      return () => {
        if (own) Object.defineProperty(owner, name, own);
        else Reflect.deleteProperty(owner, name);
      };
    });
  return () => {
    restores.splice(0).forEach((restore) => {
      restore();
    });
  };
}

/** Sets variables of this process; `undefined` removes one. */
export function setEnvironment(values: Record<string, string | undefined>): Restore {
  const before = Object.fromEntries(Object.keys(values).map((name) => [name, process.env[name]]));
  const apply = (wanted: Record<string, string | undefined>): void => {
    for (const [name, value] of Object.entries(wanted)) {
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    }
  };
  apply(values);
  return () => {
    apply(before);
  };
}
