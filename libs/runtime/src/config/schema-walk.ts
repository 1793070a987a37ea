import { HoldfastConfig } from '@holdfast/contracts/config';
import { z } from 'zod';

/** A part of the JSON Schema, as far as we read it. */
export interface SchemaNode {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
}

export type KeyPath = readonly (string | number)[];

/** JSON Schema of holdfast.yaml, for editors. */
export function configJsonSchema(): SchemaNode {
  return { ...(z.toJSONSchema(HoldfastConfig, { io: 'input' }) as SchemaNode) };
}

/** Names that may stand in the object at a path; none where any name may. */
export function knownKeys(schema: SchemaNode, path: KeyPath): string[] {
  const nodes = path.reduce<SchemaNode[]>(
    (found, key) => found.flatMap((node) => below(node, key)),
    [schema],
  );
  return nodes.flatMap(variants).flatMap((node) => Object.keys(node.properties ?? {}));
}

/** The alternatives of a node, itself included. */
export function variants(node: SchemaNode): SchemaNode[] {
  return [node, ...[...(node.anyOf ?? []), ...(node.oneOf ?? [])].flatMap(variants)];
}

function below(node: SchemaNode, key: string | number): SchemaNode[] {
  return variants(node).flatMap(({ properties, additionalProperties }) => {
    const named = properties?.[key];
    if (named !== undefined) return [named];
    return typeof additionalProperties === 'object' ? [additionalProperties] : [];
  });
}
