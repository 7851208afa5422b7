/** An amount in the smallest unit of its currency: no fractions, no rounding by accident. */
export interface Money {
  readonly amount: number;
  readonly currency: Currency;
}

export type Currency = 'EUR' | 'CHF' | 'JPY';

const DIGITS: Record<Currency, number> = { EUR: 2, CHF: 2, JPY: 0 };

export function money(amount: number, currency: Currency = 'EUR'): Money {
  if (!Number.isSafeInteger(amount))
    throw new RangeError(`${amount} is not a whole number of ${currency} units`);
  return { amount, currency };
}

export function add(...amounts: [Money, ...Money[]]): Money {
  const [{ currency }] = amounts;
  if (amounts.some((other) => other.currency !== currency))
    throw new TypeError('cannot add different currencies');
  return money(
    amounts.reduce((sum, { amount }) => sum + amount, 0),
    currency,
  );
}

export const times = ({ amount, currency }: Money, factor: number): Money =>
  money(Math.round(amount * factor), currency);

/** Splits without losing a cent: the first parts get what is left over. */
export function split({ amount, currency }: Money, parts: number): Money[] {
  const share = Math.trunc(amount / parts);
  const rest = amount - share * parts;
  return Array.from({ length: parts }, (_, index) => money(share + (index < rest ? 1 : 0), currency));
}

export function format({ amount, currency }: Money): string {
  const digits = DIGITS[currency];
  return `${(amount / 10 ** digits).toFixed(digits)} ${currency}`;
}
