import { register } from '#accounts';
import { Cart } from '#cart';
import { Catalog } from '#catalog';
import { format, money } from '#money';
import { order } from '#orders';
import { search } from '#search';

export function visit(): string {
  const catalog = new Catalog();
  catalog.add('Green tea', money(890), 250);
  const [found] = search(catalog, 'gren tea');
  if (!found) return 'nothing found';
  const visitor = register({ name: 'Ada', mail: 'ada@example.com' });
  if ('problems' in visitor) return visitor.problems.join('\n');
  const cart = new Cart(catalog).put(found.id, 2);
  const placed = order({ cart, day: '2026-03-06', speed: 'standard', country: 'DE', discounts: [] });
  return `${visitor.account.name} pays ${format(placed.total)}, it arrives on ${placed.arrives}`;
}

if (require.main === module) console.log(visit());
