import { type Cart } from '#cart';
import { type Day } from '#dates';
import { add, type Money } from '#money';
import { discounted, type Discount } from '#pricing';
import { arrival, shippingCost, type Speed } from '#shipping';
import { type Country, grossOf } from '#tax';

export interface Order {
  readonly ordered: Day;
  readonly arrives: Day;
  readonly goods: Money;
  readonly shipping: Money;
  readonly total: Money;
}

export interface OrderRequest {
  cart: Cart;
  day: Day;
  speed: Speed;
  country: Country;
  discounts: readonly Discount[];
}

export function order({ cart, day, speed, country, discounts }: OrderRequest): Order {
  if (cart.lines().length === 0) throw new Error('The cart is empty');
  const goods = discounted(cart.total(), discounts, day);
  const shipping = shippingCost(cart.weightGrams(), speed);
  return {
    ordered: day,
    arrives: arrival(day, speed),
    goods,
    shipping,
    total: grossOf(add(goods, shipping), country),
  };
}
