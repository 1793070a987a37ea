/**
 * Joins several Prometheus expositions: every sample gets a `service` label, and each family is declared once, as the
 * text format demands.
 */
export function mergeMetrics(parts: readonly { service: string; text: string }[]): string {
  const families = new Map<string, { head: string[]; samples: string[] }>();
  for (const { service, text } of parts) {
    let family = { head: [] as string[], samples: [] as string[] };
    for (const line of text.split('\n')) {
      const declared = /^# (?:HELP|TYPE) (\S+)/.exec(line);
      if (declared?.[1] !== undefined) {
        family = families.get(declared[1]) ?? { head: [], samples: [] };
        families.set(declared[1], family);
        if (!family.head.includes(line)) family.head.push(line);
      } else if (line !== '') family.samples.push(withService(line, service));
    }
  }
  const lines = [...families.values()].flatMap(({ head, samples }) => [...oneOfEach(head), ...samples]);
  return `${lines.join('\n')}\n`;
}

function oneOfEach(head: readonly string[]): string[] {
  return ['HELP', 'TYPE'].flatMap((kind) => head.filter((line) => line.startsWith(`# ${kind} `)).slice(0, 1));
}

function withService(sample: string, service: string): string {
  const [, name, labels = '', value] = /^([^\s{]+)(?:\{(.*)\})? (.*)$/.exec(sample) ?? [];
  if (name === undefined || /(^|,)service="/.test(labels)) return sample;
  const joined = labels === '' ? `service="${service}"` : `${labels.replace(/,$/, '')},service="${service}"`;
  return `${name}{${joined}} ${value}`;
}
