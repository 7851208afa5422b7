import Module from 'node:module';
import { standIn, type Loader } from './stand-in';

/** How zod's own modules name the texts of its errors in all languages: 63 modules, two fifths of what loading zod costs. */
const LANGUAGES = '../locales/index.cjs';
/** English is loaded by itself. */
const OF_ZOD = /[\\/]zod[\\/]/;

/** While `load` loads zod, the languages are left until somebody uses them. Where node has no such loader, it only calls `load`. */
export function withoutLanguages<T>(load: () => T): T {
  const loader = Module as unknown as Loader;
  const { _load: original } = loader;
  if (typeof original !== 'function') return load();
  const lazy: typeof original = (request, parent, isMain) =>
    request === LANGUAGES && OF_ZOD.test(parent?.filename ?? '')
      ? standIn(() => original.call(loader, request, parent, isMain), { __esModule: true })
      : original.call(loader, request, parent, isMain);
  loader._load = lazy;
  try {
    return load();
  } finally {
    if (loader._load === lazy) loader._load = original;
  }
}
