import { type Money } from '#money';
import { slug } from '#text';

export interface Product {
  readonly id: string;
  readonly name: string;
  readonly price: Money;
  readonly weightGrams: number;
}

export class Catalog {
  private readonly products = new Map<string, Product>();

  add(name: string, price: Money, weightGrams: number): Product {
    const product = { id: slug(name), name, price, weightGrams };
    if (this.products.has(product.id)) throw new Error(`There is a product ${product.id} already`);
    this.products.set(product.id, product);
    return product;
  }

  get(id: string): Product {
    const product = this.products.get(id);
    if (!product) throw new Error(`There is no product ${id}`);
    return product;
  }

  all(): Product[] {
    return [...this.products.values()];
  }
}
