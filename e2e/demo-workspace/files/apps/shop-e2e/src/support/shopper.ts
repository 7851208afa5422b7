import { app } from './app';

const WISH = { day: '2026-03-06', speed: 'standard', country: 'DE', card: '4242424242424242' };

/** What a visitor of the storefront does in most tests. */
export function shopper() {
  const request = app('storefront');
  return {
    request,
    /** A new cart with so many of each product. @returns its id */
    async fill(products: Record<string, number>): Promise<string> {
      const { json } = await request('POST /carts');
      for (const [product, quantity] of Object.entries(products))
        await request(`PUT /carts/${json.id}/lines/${product}`, { quantity });
      return json.id;
    },
    async order(cart: string, wish: object = {}) {
      return await request('POST /orders', { ...WISH, ...wish, cart });
    },
  };
}
