import { Cart } from '#cart';
import { Catalog } from '#catalog';
import { money } from '#money';
import { order } from '#orders';
import { report } from '#reports';

export function monthly(): string {
  const catalog = new Catalog();
  catalog.add('Black tea', money(750), 250);
  const orders = (['2026-03-02', '2026-03-20', '2026-04-01'] as const).map((day) =>
    order({ cart: new Cart(catalog).put('black-tea'), day, speed: 'express', country: 'CH', discounts: [] }),
  );
  const { orders: count, revenue } = report(orders, '2026-03-01', '2026-03-31');
  return `${count} orders, ${revenue}`;
}

if (require.main === module) console.log(monthly());
