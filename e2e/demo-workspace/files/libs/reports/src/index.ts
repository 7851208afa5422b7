import { type Day, daysBetween } from '#dates';
import { add, format, money } from '#money';
import { type Order } from '#orders';

export interface Report {
  readonly orders: number;
  readonly revenue: string;
  readonly averageDaysToArrive: number;
}

export function report(orders: readonly Order[], from: Day, to: Day): Report {
  const inside = orders.filter(({ ordered }) => from <= ordered && ordered <= to);
  const days = inside.reduce((sum, { ordered, arrives }) => sum + daysBetween(ordered, arrives), 0);
  return {
    orders: inside.length,
    revenue: format(add(money(0), ...inside.map(({ total }) => total))),
    averageDaysToArrive: inside.length === 0 ? 0 : days / inside.length,
  };
}
