/** The parts of an OpenAPI document that joining looks at. */
export interface OpenApiDocument {
  openapi: string;
  info: Record<string, unknown>;
  paths: Record<string, unknown>;
  components?: Record<string, Record<string, unknown>>;
}

/** One document for all services: the first one's head, everybody's paths and components. */
export function mergeOpenApi(documents: readonly OpenApiDocument[], version: string): OpenApiDocument {
  const components: Record<string, Record<string, unknown>> = {};
  for (const document of documents)
    for (const [section, entries] of Object.entries(document.components ?? {}))
      components[section] = { ...components[section], ...entries };
  return {
    openapi: documents[0]?.openapi ?? '3.1.0',
    info: { title: 'Holdfast', description: 'Files and databases that heal themselves', version },
    paths: Object.assign({}, ...documents.map((document) => document.paths)),
    components,
  };
}
