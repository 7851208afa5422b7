import { type Day } from '#dates';
import { type Money, times } from '#money';

export interface Discount {
  readonly percent: number;
  readonly from: Day;
  readonly to: Day;
}

export const isActive = ({ from, to }: Discount, day: Day): boolean => from <= day && day <= to;

/** The best of the discounts that hold on that day; discounts do not add up. */
export function discounted(price: Money, discounts: readonly Discount[], day: Day): Money {
  const best = Math.max(
    0,
    ...discounts.filter((discount) => isActive(discount, day)).map(({ percent }) => percent),
  );
  return times(price, 1 - best / 100);
}
