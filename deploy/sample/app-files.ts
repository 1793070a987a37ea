import { CITIES, PEOPLE, PRODUCTS } from './catalogue.ts';
import type { Conversation } from './conversations.ts';
import type { Random } from './random.ts';

/** A file of the sample: its path below the root and its text. */
export type SampleFile = readonly [path: string, text: string];

const DAY_MS = 24 * 60 * 60 * 1000;
const FIRST_LOG_MS = Date.parse('2025-08-01T00:00:00.000Z');
const LOG_DAYS = 120;
const COMPONENTS = [
  'Cotizador',
  'ListaConversaciones',
  'DetalleProducto',
  'GraficoVentas',
  'PanelPrecios',
  'BuscadorClientes',
];
const PAGES = ['conversaciones', 'cotizaciones', 'precios', 'clientes', 'respaldo', 'configuracion'];
const SCRIPTS = [
  'consolidar_conocimiento',
  'exportar_cotizaciones',
  'importar_precios',
  'limpiar_sesiones',
  'recover_setup',
];

/** Everything beside the conversations: settings, logs, data, scripts, the web application, keys that open nothing. */
export function appFiles(conversations: readonly Conversation[], random: Random): SampleFile[] {
  return [
    ...settings(random),
    ...logs(conversations, random),
    ...data(conversations),
    ...scripts(),
    ...webApplication(random),
    ...keys(random),
  ];
}

function settings(random: Random): SampleFile[] {
  const env = [
    '# Ejemplo: nada de esto abre nada',
    'APP_ENV=produccion',
    'MONGODB_URI=mongodb://127.0.0.1:27017/bmc',
    'WHATSAPP_NUMERO=+59899000000',
    `WHATSAPP_CLAVE=ejemplo-${random.hex(24)}`,
    'MODELO=bmc-asistente-3',
    'ZONA_HORARIA=America/Montevideo',
  ];
  const config = `"""Configuración del chatbot de BMC Uruguay."""
import os
from pathlib import Path

RAIZ = Path(__file__).resolve().parent
MATRIZ_PRECIOS = RAIZ / "matriz_precios.json"
CONOCIMIENTO = RAIZ / "conocimiento_consolidado.json"
MONGODB_URI = os.environ.get("MONGODB_URI", "mongodb://127.0.0.1:27017/bmc")
IVA = 0.22
VALIDEZ_COTIZACION_DIAS = 10
FLETE_USD_KM = {"Montevideo": 1.2, "interior": 1.6}
`;
  return [
    ['.env', lines(env)],
    ['config.py', config],
    [
      'requirements.txt',
      lines(['fastapi==0.115.6', 'pymongo==4.10.1', 'pydantic==2.10.4', 'python-dotenv==1.0.1']),
    ],
    [
      'README.md',
      lines(['# Chatbot de BMC Uruguay', '', 'Cotiza techos, paredes y chapas por WhatsApp y por la web.']),
    ],
  ];
}

function logs(conversations: readonly Conversation[], random: Random): SampleFile[] {
  return Array.from({ length: LOG_DAYS }, (_, day) => {
    const start_ms = FIRST_LOG_MS + day * DAY_MS;
    let now_ms = start_ms + 8 * 3600 * 1000;
    const entries = Array.from({ length: random.between(60, 160) }, () => {
      now_ms += random.between(5, 400) * 1000;
      const { session_id, customer, quote } = random.pick(conversations);
      const what = random.pick([
        `INFO  mensaje recibido sesion=${session_id} ciudad="${customer.city}"`,
        `INFO  cotizacion ${quote.quote_id} producto="${quote.product}" total=${quote.total_usd.toFixed(2)}`,
        `DEBUG consulta matriz_precios espesor=${quote.thickness_mm} ms=${random.between(1, 40)}`,
        `WARN  respuesta lenta del modelo ms=${random.between(2100, 9000)} sesion=${session_id}`,
      ]);
      return `${new Date(now_ms).toISOString()} ${what}`;
    });
    return [`logs/chatbot-${new Date(start_ms).toISOString().slice(0, 10)}.log`, lines(entries)];
  });
}

function data(conversations: readonly Conversation[]): SampleFile[] {
  const quotes = conversations
    .filter((_, index) => index % 3 === 0)
    .map(({ quote, customer, started_at, session_id }): SampleFile => {
      const folder = started_at.slice(0, 7);
      return [
        `data/cotizaciones/${folder}/${quote.quote_id}.json`,
        json({ ...quote, customer, session_id, fecha: started_at }),
      ];
    });
  const customers = PEOPLE.map((name, index) => `${index + 1};${name};${CITIES[index % CITIES.length]}`);
  const products = PRODUCTS.map(({ code, name, use }) => `${code};${name};${use}`);
  return [
    ...quotes,
    ['data/clientes.csv', lines(['id;nombre;ciudad', ...customers])],
    ['data/productos.csv', lines(['codigo;nombre;uso', ...products])],
  ];
}

function scripts(): SampleFile[] {
  return SCRIPTS.flatMap((name): SampleFile[] => [
    [
      `python-scripts/${name}.py`,
      `"""${name.replaceAll('_', ' ').replace(/^./, (letter) => letter.toUpperCase())}."""
import json
from pathlib import Path

RAIZ = Path(__file__).resolve().parent.parent


def leer_conversaciones():
    """Devuelve todas las conversaciones, de la más vieja a la más nueva."""
    rutas = sorted(RAIZ.glob("kb_populated_*.json"))
    return [json.loads(ruta.read_text(encoding="utf-8")) for ruta in rutas]


def main():
    conversaciones = leer_conversaciones()
    resueltas = [c for c in conversaciones if c["metadata"]["resolved"]]
    print(f"{len(resueltas)} de {len(conversaciones)} conversaciones resueltas")


if __name__ == "__main__":
    main()
`,
    ],
    [
      `python-scripts/tests/test_${name}.py`,
      `from ${name} import leer_conversaciones\n\n\ndef test_hay_conversaciones():\n    assert leer_conversaciones()\n`,
    ],
  ]);
}

function webApplication(random: Random): SampleFile[] {
  const pages = PAGES.flatMap((page): SampleFile[] => [
    [`nextjs-app/src/app/${page}/page.tsx`, pageText(page)],
    [`nextjs-app/src/app/api/${page}/route.ts`, routeText(page)],
  ]);
  const components = COMPONENTS.flatMap((component): SampleFile[] => [
    [
      `nextjs-app/src/components/${component}.tsx`,
      `export function ${component}() {\n  return <section className="${component}" />;\n}\n`,
    ],
    [
      `nextjs-app/src/components/${component}.css`,
      `.${component} {\n  color: #${random.hex(6)};\n  padding: ${random.between(4, 24)}px;\n}\n`,
    ],
  ]);
  const images = Array.from({ length: 80 }, (_, index): SampleFile => {
    const { code } = PRODUCTS[index % PRODUCTS.length] ?? { code: 'PANEL' };
    const bars = Array.from(
      { length: random.between(5, 40) },
      (_bar, at) => `<rect x="${at * 12}" width="10" height="${random.between(10, 90)}"/>`,
    );
    return [
      `nextjs-app/public/productos/${code.toLowerCase()}-${String(index).padStart(3, '0')}.svg`,
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 480 100">${bars.join('')}</svg>\n`,
    ];
  });
  return [
    ...pages,
    ...components,
    ...images,
    [
      'nextjs-app/package.json',
      json({ name: 'bmc-panel', private: true, dependencies: { next: '15.1.0', react: '19.0.0' } }),
    ],
  ];
}

const pageText = (
  page: string,
) => `import { ListaConversaciones } from '../../components/ListaConversaciones';

export default function Page() {
  return (
    <main>
      <h1>${page.replace(/^./, (letter) => letter.toUpperCase())}</h1>
      <ListaConversaciones />
    </main>
  );
}
`;

const routeText = (page: string) => `export async function GET(request: Request) {
  const { searchParams } = new URL(request.url);
  return Response.json({ recurso: '${page}', pagina: Number(searchParams.get('pagina') ?? 1) });
}
`;

function keys(random: Random): SampleFile[] {
  const made = (what: string) => `ejemplo: ${what} inventada para la muestra\n${random.hex(64)}\n`;
  return [
    ['credentials/whatsapp.txt', made('clave')],
    ['credentials/mongodb.txt', made('contraseña')],
    ['credentials/respaldo/offsite.txt', made('clave')],
    ['secrets/sesion.txt', made('semilla')],
    ['secrets/panel.txt', made('contraseña')],
  ];
}

function lines(all: readonly string[]): string {
  return `${all.join('\n')}\n`;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
