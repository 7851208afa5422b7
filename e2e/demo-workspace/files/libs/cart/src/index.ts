import { type Catalog, type Product } from '#catalog';
import { add, money, type Money, times } from '#money';

export interface Line {
  readonly product: Product;
  readonly quantity: number;
}

export class Cart {
  private readonly quantities = new Map<string, number>();

  constructor(private readonly catalog: Catalog) {}

  put(productId: string, quantity = 1): this {
    this.catalog.get(productId);
    this.quantities.set(productId, (this.quantities.get(productId) ?? 0) + quantity);
    return this;
  }

  lines(): Line[] {
    return [...this.quantities].map(([id, quantity]) => ({ product: this.catalog.get(id), quantity }));
  }

  total(): Money {
    return add(money(0), ...this.lines().map(({ product, quantity }) => times(product.price, quantity)));
  }

  weightGrams(): number {
    return this.lines().reduce((sum, { product, quantity }) => sum + product.weightGrams * quantity, 0);
  }
}
