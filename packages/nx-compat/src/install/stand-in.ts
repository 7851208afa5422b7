/** Of node, for CommonJS modules. Undocumented, and replaced by most tools that watch what is loaded. */
export type Load = (
  request: string,
  parent: { filename?: string | null } | undefined,
  isMain: boolean,
) => unknown;
export interface Loader {
  _load?: Load;
  _resolveFilename?: (request: string, parent: object, isMain: boolean) => string;
  _cache?: Record<string, unknown>;
}

/**
 * Behaves like what `load` returns, which is called when something of it is first used.
 * @param known exports that are answered without it
 */
export function standIn(load: () => unknown, known: Readonly<Record<string, unknown>> = {}): unknown {
  let loaded: { readonly exports: object } | undefined;
  const real = (): object => (loaded ??= { exports: load() as object }).exports;
  // A package may be a function or a class. A bound one has no `prototype`, the only property that a proxy could not hide.
  const anything = function (): void {
    // Never called.
  }.bind(undefined);
  return new Proxy(anything, {
    apply: (_, self, args: unknown[]): unknown => Reflect.apply(real() as () => unknown, self, args),
    construct: (_, args: unknown[], newTarget) =>
      Reflect.construct(real() as new () => object, args, newTarget) as object,
    get: (_, key): unknown => (Object.hasOwn(known, key) ? known[key as string] : Reflect.get(real(), key)),
    set: (_, key, value) => Reflect.set(real(), key, value),
    has: (_, key) => Reflect.has(real(), key),
    deleteProperty: (_, key) => Reflect.deleteProperty(real(), key),
    ownKeys: () => Reflect.ownKeys(real()),
    getPrototypeOf: () => Reflect.getPrototypeOf(real()),
    defineProperty: (_, key, descriptor) =>
      Reflect.defineProperty(real(), key, { ...descriptor, configurable: true }),
    getOwnPropertyDescriptor: (_, key) => {
      const descriptor = Reflect.getOwnPropertyDescriptor(real(), key);
      // A proxy may not say of a property that it is fixed when the stand-in itself has no such property.
      return descriptor === undefined ? undefined : { ...descriptor, configurable: true };
    },
  });
}
