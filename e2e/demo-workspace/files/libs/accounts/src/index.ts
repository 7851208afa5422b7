import { type Check, email, maxLength, required, validate } from '#validation';

export interface Account {
  readonly name: string;
  readonly mail: string;
}

const CHECKS: { [K in keyof Account]: Check<string>[] } = {
  name: [required, maxLength(80)],
  mail: [required, email],
};

export function register(account: Account): { account: Account } | { problems: string[] } {
  const problems = Object.entries(validate(account, CHECKS)).map(
    ([field, list]) => `${field} ${list.join(', ')}`,
  );
  return problems.length > 0 ? { problems } : { account };
}
