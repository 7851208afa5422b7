import { withoutLanguages } from '@org/dte-nx-compat';
import { z } from 'zod';

// The options are the first that every process of ours needs zod for. Compiled, an import is loaded when it is first used.
withoutLanguages(() => z.string);

export { z };
