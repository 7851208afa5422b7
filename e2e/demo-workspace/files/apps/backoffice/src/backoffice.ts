import { Cart } from '#cart';
import { Catalog } from '#catalog';
import { type Day } from '#dates';
import { type Routes } from '#http';
import { format, money } from '#money';
import { order } from '#orders';
import { report } from '#reports';
import { ask } from '#services';

const DAYS = ['2026-03-02', '2026-03-20', '2026-04-01', '2026-04-16', '2026-05-04'] as const;

/** The routes of the back office of a shop that has sold a little. */
export function backoffice(): Routes {
  const catalog = new Catalog();
  catalog.add('Black tea', money(750), 250);
  const orders = DAYS.map((day) =>
    order({ cart: new Cart(catalog).put('black-tea'), day, speed: 'express', country: 'CH', discounts: [] }),
  );
  return {
    'GET /reports': ({ query }) =>
      ask('database', () => report(orders, query.get('from') as Day, query.get('to') as Day)),
    'GET /parcels': ({ query }) =>
      ask('parcel service', () =>
        orders.filter(({ arrives }) => arrives === query.get('day')).map(({ total }) => format(total)),
      ),
    'GET /products': () => ask('database', () => catalog.all()),
    'POST /products': ({ body }) =>
      ask('database', () => {
        const { name, cents, grams } = body as { name: string; cents: number; grams: number };
        return catalog.add(name, money(cents), grams);
      }),
    'GET /payouts/:day': ({ params }) =>
      ask('payment provider', () => orders.filter(({ ordered }) => ordered < (params['day'] ?? '')).length),
  };
}
