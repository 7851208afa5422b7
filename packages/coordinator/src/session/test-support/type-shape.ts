import ts from 'typescript';

const OPTIONS: ts.CompilerOptions = {
  strict: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.Node16,
  moduleResolution: ts.ModuleResolutionKind.Node16,
  skipLibCheck: true,
  noEmit: true,
  types: ['node'],
};

/**
 * Every field that a type has, however deep, as sorted lines `path: type`.
 * Values that only differ in a literal are one type: a new error code changes nothing that was stored.
 * @param file that exports the type
 * @param packages the folder of the packages, whose sources are read: nothing need be built
 */
export function typeShape(file: string, name: string, packages: string): string[] {
  const paths = { '@org/dte-*': [`${packages}/*/src/index.ts`] };
  const program = ts.createProgram([file], { ...OPTIONS, paths });
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  const module = source === undefined ? undefined : checker.getSymbolAtLocation(source);
  const symbol = module && checker.getExportsOfModule(module).find((each) => each.name === name);
  if (symbol === undefined) throw new Error(`${file} exports no ${name}.`);
  const shape = new Shape(checker);
  shape.add(name, checker.getDeclaredTypeOfSymbol(symbol));
  return [...shape.lines].sort();
}

interface Elements {
  readonly kind: string;
  readonly of: readonly ts.Type[];
}

class Shape {
  readonly lines = new Set<string>();
  /** Types that are described already, under their own names. */
  private readonly named = new Set<ts.Type>();

  constructor(private readonly checker: ts.TypeChecker) {}

  add(path: string, type: ts.Type): void {
    if (type.isUnion()) {
      for (const each of type.types) this.add(path, each);
      return;
    }
    const plain = this.checker.getBaseTypeOfLiteralType(type);
    const elements = this.elementsOf(type);
    if (elements !== null) this.addElements(path, elements);
    else if ((plain.flags & ts.TypeFlags.Object) !== 0) this.addObject(path, type);
    else this.lines.add(`${path}: ${this.checker.typeToString(plain)}`);
  }

  private addElements(path: string, { kind, of }: Elements): void {
    this.lines.add(`${path}: ${kind}`);
    const places = kind === 'Map' ? ['{key}', '[]'] : ['[]'];
    for (const [nth, place] of places.entries()) this.add(path + place, of[nth]!);
  }

  /** One with a name is described once, and referred to by it. */
  private addObject(path: string, type: ts.Type): void {
    const name = type.isClassOrInterface() ? type.symbol.name : null;
    if (name !== null) this.lines.add(`${path}: ${name}`);
    if (this.named.has(type)) return;
    if (name !== null) this.named.add(type);
    this.addFields(name ?? path, type);
  }

  private addFields(path: string, type: ts.Type): void {
    for (const field of this.checker.getPropertiesOfType(type)) {
      const optional = (field.flags & ts.SymbolFlags.Optional) === 0 ? '' : '?';
      this.add(`${path}.${field.name}${optional}`, this.checker.getTypeOfSymbol(field));
    }
    const index = this.checker.getIndexInfosOfType(type)[0];
    if (index !== undefined) this.add(`${path}{}`, index.type);
  }

  private elementsOf(type: ts.Type): Elements | null {
    const kind = type.getSymbol()?.name.replace(/^Readonly(?=Map|Set|Array)/, '') ?? '';
    if (!['Array', 'Map', 'Set'].includes(kind)) return null;
    return { kind, of: this.checker.getTypeArguments(type as ts.TypeReference) };
  }
}
