/** The way from the root of a JSON document to a value: keys and places in lists. */
export type JsonPath = readonly (string | number)[];

const PLAIN = /^[A-Za-z_$][\w$]*$/;
const KEY_MAX = 60;

/** A way as people write it: `$.messages[3].timestamp`. Long keys are cut. */
export function formatJsonPath(path: JsonPath): string {
  return `$${path.map(formatStep).join('')}`;
}

function formatStep(step: string | number): string {
  if (typeof step === 'number') return `[${step}]`;
  if (PLAIN.test(step) && step.length <= KEY_MAX) return `.${step}`;
  const key = step.length > KEY_MAX ? `${step.slice(0, KEY_MAX)}…` : step;
  return `[${JSON.stringify(key)}]`;
}
