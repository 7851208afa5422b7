import { addWorkingDays, type Day } from '#dates';
import { money, type Money } from '#money';

export type Speed = 'standard' | 'express';

const RATES: Record<Speed, { base: number; perKilogram: number; days: number }> = {
  standard: { base: 490, perKilogram: 80, days: 3 },
  express: { base: 990, perKilogram: 150, days: 1 },
};

export function shippingCost(weightGrams: number, speed: Speed): Money {
  const { base, perKilogram } = RATES[speed];
  return money(base + Math.ceil(weightGrams / 1000) * perKilogram);
}

export const arrival = (ordered: Day, speed: Speed): Day => addWorkingDays(ordered, RATES[speed].days);
