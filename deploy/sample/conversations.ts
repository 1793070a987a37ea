import { ACCESSORIES, CITIES, PEOPLE, PRODUCTS } from './catalogue.ts';
import type { Random } from './random.ts';

const FIRST_DAY_MS = Date.parse('2025-06-02T11:00:00.000Z');
const DAY_MS = 24 * 60 * 60 * 1000;

interface Message {
  role: 'user' | 'assistant';
  content: string;
  timestamp: string;
}

/** A quote as the chatbot works it out. */
export interface Quote {
  quote_id: string;
  product: string;
  thickness_mm: number;
  area_m2: number;
  usd_m2: number;
  total_usd: number;
  valid_days: number;
}

export interface Conversation {
  session_id: string;
  phone: string;
  channel: 'whatsapp' | 'web';
  customer: { name: string; city: string };
  intent: 'complete_quote_request' | 'technical_question' | 'order_status';
  started_at: string;
  ended_at: string;
  messages: Message[];
  quote: Quote;
  metadata: { model: string; language: 'es-UY'; tokens: number; resolved: boolean };
}

/** The conversation of that number: a customer asks about a roof, a wall or a shed and gets a quote. */
export function conversation(number: number, random: Random): Conversation {
  const customer = { name: random.pick(PEOPLE), city: random.pick(CITIES) };
  const quote = quoteOf(number, random);
  const started_ms = FIRST_DAY_MS + Math.floor(number / 8) * DAY_MS + random.between(0, 9 * 3600) * 1000;
  let now_ms = started_ms;
  const messages = linesOf(customer, quote, random).map(([role, content]): Message => {
    now_ms += random.between(4, 90) * 1000;
    return { role, content, timestamp: new Date(now_ms).toISOString() };
  });
  return {
    session_id: `ses_${String(number).padStart(5, '0')}_${random.hex(8)}`,
    phone: `+598 9${random.between(1, 9)} ${random.between(100, 999)} ${random.between(100, 999)}`,
    channel: random.pick(['whatsapp', 'web']),
    customer,
    intent: random.pick(['complete_quote_request', 'technical_question', 'order_status']),
    started_at: new Date(started_ms).toISOString(),
    ended_at: new Date(now_ms).toISOString(),
    messages,
    quote,
    metadata: {
      model: 'bmc-asistente-3',
      language: 'es-UY',
      tokens: random.between(800, 4200),
      resolved: true,
    },
  };
}

function quoteOf(number: number, random: Random): Quote {
  const product = random.pick(PRODUCTS);
  const thickness_mm = Number(random.pick(Object.keys(product.usd_m2)));
  const usd_m2 = product.usd_m2[thickness_mm] ?? 0;
  const area_m2 = random.between(18, 640);
  return {
    quote_id: `COT-2025-${String(number).padStart(5, '0')}`,
    product: product.name,
    thickness_mm,
    area_m2,
    usd_m2,
    total_usd: Math.round(area_m2 * usd_m2 * 100) / 100,
    valid_days: 10,
  };
}

type Line = readonly ['user' | 'assistant', string];

function linesOf({ name, city }: Conversation['customer'], quote: Quote, random: Random): Line[] {
  const [first = name] = name.split(' ');
  const product = PRODUCTS.find((candidate) => candidate.name === quote.product) ?? random.pick(PRODUCTS);
  const width = random.between(4, 14);
  const extra = random.pick(ACCESSORIES);
  const opening: Line[] = [
    [
      'user',
      random.pick([
        'Hola, buenas tardes',
        'Buen día, necesito una cotización',
        'Hola! me pasaron este número',
      ]),
    ],
    ['assistant', `¡Hola, ${first}! Soy el asistente de BMC Uruguay. ¿Qué estás por construir?`],
    [
      'user',
      `Quiero cerrar ${random.pick(['un galpón', 'una barbacoa', 'una cochera', 'el techo de casa'])} en ${city}`,
    ],
    ['assistant', `Perfecto. ${product.name} se usa en ${product.use}. ¿Qué medidas tenés, largo por ancho?`],
    ['user', `Son ${Math.ceil(quote.area_m2 / width)} por ${width} metros, más o menos ${quote.area_m2} m2`],
  ];
  const technical: Line[] = Array.from({ length: random.between(2, 7) }, () =>
    questionAbout(product, random),
  ).flat();
  const closing: Line[] = [
    [
      'assistant',
      `Te paso la cotización ${quote.quote_id}: ${quote.area_m2} m² de ${quote.product} de ${quote.thickness_mm} mm a ` +
        `USD ${quote.usd_m2.toFixed(2)} el m². Total: USD ${quote.total_usd.toFixed(2)} IVA incluido. ` +
        `Conviene sumar ${extra.name.toLowerCase()} (USD ${extra.usd.toFixed(2)} la unidad).`,
    ],
    [
      'user',
      random.pick([
        'Dale, lo consulto en casa y te aviso',
        'Bárbaro, ¿cómo hago la seña?',
        'Gracias, quedo a las órdenes',
      ]),
    ],
    [
      'assistant',
      `La cotización vale ${quote.valid_days} días. El flete a ${city} se coordina con el depósito. ¡Gracias!`,
    ],
  ];
  return [...opening, ...technical, ...closing];
}

function questionAbout(product: (typeof PRODUCTS)[number], random: Random): Line[] {
  const thickness = Number(random.pick(Object.keys(product.span_m)));
  const span = product.span_m[thickness] ?? 1;
  return random.pick<Line[]>([
    [
      ['user', `¿Qué luz admite el de ${thickness} mm?`],
      [
        'assistant',
        `${product.name} de ${thickness} mm admite hasta ${span.toFixed(1)} m entre apoyos con carga normal.`,
      ],
    ],
    [
      ['user', '¿Qué pendiente le tengo que dar al techo?'],
      ['assistant', 'La pendiente mínima recomendada es del 7 % para que el agua corra sin problemas.'],
    ],
    [
      ['user', '¿Los colores? Lo quería en blanco'],
      ['assistant', 'El blanco está en stock. Gris y rojo son a pedido, con una demora de 15 días hábiles.'],
    ],
    [
      ['user', '¿Cómo se fija a la estructura?'],
      [
        'assistant',
        'En metal u hormigón se fija con varilla roscada de 3/8; en madera, con caballetes y tirafondos.',
      ],
    ],
    [
      ['user', '¿Tiene aislación térmica de verdad?'],
      [
        'assistant',
        'Sí: el núcleo es continuo y no deja puentes térmicos; en verano se nota desde el primer día.',
      ],
    ],
  ]);
}
