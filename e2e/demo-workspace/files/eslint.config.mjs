import js from '@eslint/js';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['**/dist', '**/*.cjs'] },
  js.configs.recommended,
  tseslint.configs.recommended,
  // A test looks at the fields of an answer that it has just described.
  { files: ['apps/shop-e2e/**'], rules: { '@typescript-eslint/no-explicit-any': 'off' } },
);
