import { type Catalog, type Product } from '#catalog';
import { distance, words } from '#text';

const MAX_TYPOS = 2;

/** Products whose name has every word of the query, give or take a typo; best first. */
export function search(catalog: Catalog, query: string): Product[] {
  const wanted = words(query);
  return catalog
    .all()
    .map((product) => ({ product, typos: typosFor(words(product.name), wanted) }))
    .filter(({ typos }) => typos <= MAX_TYPOS)
    .sort((left, right) => left.typos - right.typos || left.product.name.localeCompare(right.product.name))
    .map(({ product }) => product);
}

function typosFor(available: string[], wanted: string[]): number {
  return wanted.reduce(
    (sum, word) => sum + Math.min(Infinity, ...available.map((other) => distance(word, other))),
    0,
  );
}
