import { readFileSync } from 'node:fs';
import { HoldfastError } from '@holdfast/contracts/errors';
import { Ajv, type AnySchema, type ErrorObject, type ValidateFunction } from 'ajv';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { FINDINGS_MAX, type Finding } from '../../domain/content/finding.ts';
import type { JsonPath } from '../../domain/content/json-path.ts';

/** Schemas by the file that they were read from: plain data, so that worker threads compile the very same. */
export type SchemaTexts = Readonly<Record<string, string>>;

/**
 * Reads the schema files that sources name, and compiles each once to see that it can be. `config_invalid` names the
 * source and the file where one cannot be read or is no JSON Schema.
 */
export function readSchemas(wanted: readonly { source: string; file: string }[]): SchemaTexts {
  const texts: Record<string, string> = {};
  for (const { source, file } of wanted) {
    try {
      texts[file] ??= readFileSync(file, 'utf8');
      compileSchema(texts[file]);
    } catch (cause) {
      const reason = Error.isError(cause) ? cause.message : String(cause);
      throw new HoldfastError('config_invalid', `sources.${source}.json_schema: ${file}: ${reason}`, {
        cause,
      });
    }
  }
  return texts;
}

/** What a document has against a schema. */
export type SchemaCheck = (document: unknown) => Finding[];

const KEY_MAX = 60;
const OPTIONS = { allErrors: true, strict: false, validateFormats: true, logger: false } as const;

/** A schema made ready. Draft-07 unless its `$schema` names a later one. Throws what Ajv does. */
export function compileSchema(text: string): SchemaCheck {
  const schema = JSON.parse(text) as AnySchema;
  const draft = typeof schema === 'object' ? String(schema['$schema'] ?? '') : '';
  const ajv = draft.includes('2020-12')
    ? new Ajv2020(OPTIONS)
    : draft.includes('2019-09')
      ? new Ajv2019(OPTIONS)
      : new Ajv(OPTIONS);
  formats.default(ajv);
  const validate: ValidateFunction = ajv.compile(schema);
  return (document) => {
    if (validate(document)) return [];
    const errors = validate.errors ?? [];
    return errors.slice(0, FINDINGS_MAX).map((error) => toFinding(error, document));
  };
}

function toFinding(error: ErrorObject, document: unknown): Finding {
  const { instancePath, message = 'does not fit', params } = error;
  const unwanted =
    error.keyword === 'additionalProperties' ? String(params['additionalProperty']) : undefined;
  const extra = unwanted === undefined ? '' : `: ${JSON.stringify(unwanted.slice(0, KEY_MAX))}`;
  return { reason: 'schema', detail: `${message}${extra}`, path: pathOf(instancePath, document) };
}

/** A JSON Pointer as a path; whether a step is a place in a list only the document tells. */
function pathOf(pointer: string, document: unknown): JsonPath {
  const path: (string | number)[] = [];
  let value = document;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    const step = Array.isArray(value) ? Number(key) : key;
    path.push(step);
    value = (value as Record<string | number, unknown>)[step];
  }
  return path;
}
