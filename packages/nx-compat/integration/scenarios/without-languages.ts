import { createRequire } from 'node:module';
import { withoutLanguages } from '../../src';

/** Numbers of loaded languages. */
export interface WithoutLanguagesResult {
  atFirst: number;
  whenUsed: number;
  message: string;
  german: string;
}

interface Zod {
  readonly z: {
    string(): { safeParse(value: unknown): { error?: { issues: { message: string }[] } } };
    config(languages: object): void;
    readonly locales: { de(): object };
  };
}

/** Loads zod as our processes do, and then uses one of its languages. */
export function run(): Promise<WithoutLanguagesResult> {
  const load = createRequire(__filename);
  const { z } = withoutLanguages(() => load('zod') as Zod);
  const languages = (): number =>
    Object.keys(require.cache).filter((path) => /[\\/]locales[\\/](?!index)/.test(path)).length;
  const say = (): string => z.string().safeParse(1).error?.issues[0]?.message ?? '';
  const [atFirst, message] = [languages(), say()];
  z.config(z.locales.de());
  return Promise.resolve({ atFirst, whenUsed: languages(), message, german: say() });
}
