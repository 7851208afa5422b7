import { type Money, times } from '#money';

export type Country = 'DE' | 'FR' | 'CH';

const RATES: Record<Country, number> = { DE: 0.19, FR: 0.2, CH: 0.081 };

export const taxOn = (net: Money, country: Country): Money => times(net, RATES[country]);

export const grossOf = (net: Money, country: Country): Money => times(net, 1 + RATES[country]);
