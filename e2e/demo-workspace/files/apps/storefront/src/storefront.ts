import { type Account, register } from '#accounts';
import { Cart } from '#cart';
import { Catalog } from '#catalog';
import { Refusal, type Routes } from '#http';
import { format, money } from '#money';
import { order, type Order } from '#orders';
import { type Discount } from '#pricing';
import { search } from '#search';
import { ask } from '#services';
import { arrival, shippingCost, type Speed } from '#shipping';
import { type Country } from '#tax';
import { type Day } from '#dates';

const GOODS = [
  ['Green tea', 890, 250],
  ['Black tea', 750, 250],
  ['Jasmine tea', 1190, 100],
  ['Cast iron teapot', 4900, 1400],
] as const;

const CODES: Record<string, Discount> = {
  SPRING: { percent: 10, from: '2026-03-01', to: '2026-05-31' },
  FRIDAY: { percent: 30, from: '2026-11-27', to: '2026-11-27' },
};

interface Wish {
  cart: string;
  day: Day;
  speed: Speed;
  country: Country;
  code?: string;
  card: string;
}

const found = <T>(value: T | undefined, what: string): T => {
  if (value === undefined) throw new Refusal(404, `There is no ${what}`);
  return value;
};

class Shop {
  readonly catalog = new Catalog();
  readonly carts = new Map<string, Cart>();
  readonly orders = new Map<string, Order>();

  constructor() {
    for (const [name, price, weight] of GOODS) this.catalog.add(name, money(price), weight);
  }

  product(id: string) {
    return found(
      this.catalog.all().find((product) => product.id === id),
      `product ${id}`,
    );
  }

  open(): string {
    const id = String(this.carts.size + 1);
    this.carts.set(id, new Cart(this.catalog));
    return id;
  }

  shown(id: string) {
    const cart = found(this.carts.get(id), `cart ${id}`);
    return { id, total: format(cart.total()), lines: cart.lines().length, weightGrams: cart.weightGrams() };
  }

  put(id: string, product: string, quantity: number) {
    found(this.carts.get(id), `cart ${id}`).put(this.product(product).id, quantity);
    return this.shown(id);
  }

  place({ cart: id, day, speed, country, code }: Wish) {
    const cart = found(this.carts.get(id), `cart ${id}`);
    if (cart.lines().length === 0) throw new Refusal(409, 'The cart is empty');
    const discounts = code === undefined ? [] : [found(CODES[code], `code ${code}`)];
    const placed = order({ cart, day, speed, country, discounts });
    const number = `2026-${this.orders.size + 1}`;
    this.orders.set(number, placed);
    return { number, ...placed, total: format(placed.total) };
  }
}

/** The routes of a shop with a few kinds of tea. */
export function storefront(): Routes {
  const shop = new Shop();
  return {
    'GET /products': () => ask('database', () => shop.catalog.all().map(({ id }) => id)),
    'GET /products/:id': ({ params }) => ask('database', () => shop.product(params['id'] ?? '')),
    'GET /search': ({ query }) =>
      ask('search index', () => search(shop.catalog, query.get('q') ?? '').map(({ id }) => id)),
    'POST /accounts': ({ body }) =>
      ask('database', () => {
        const visitor = register(body as Account);
        if ('problems' in visitor) throw new Refusal(422, visitor.problems.join('; '));
        return visitor.account;
      }),
    'POST /carts': () => ask('database', () => shop.shown(shop.open())),
    'GET /carts/:id': ({ params }) => ask('database', () => shop.shown(params['id'] ?? '')),
    'PUT /carts/:id/lines/:product': ({ params, body }) =>
      ask('database', () =>
        shop.put(params['id'] ?? '', params['product'] ?? '', (body as { quantity: number }).quantity),
      ),
    'GET /shipping/:speed': ({ params, query }) =>
      ask('parcel service', () => ({
        cost: format(shippingCost(Number(query.get('grams')), params['speed'] as Speed)),
        arrives: arrival(query.get('day') as Day, params['speed'] as Speed),
      })),
    'POST /orders': async ({ body }) => {
      const { card } = body as Wish;
      await ask('payment provider', () => {
        if (card.endsWith('0000')) throw new Refusal(402, 'The card was declined');
      });
      return ask('database', () => shop.place(body as Wish));
    },
    'GET /orders/:number': ({ params }) =>
      ask('database', () => found(shop.orders.get(params['number'] ?? ''), `order ${params['number']}`)),
  };
}
