import { ACCESSORIES, PRODUCTS } from './catalogue.ts';
import type { Conversation } from './conversations.ts';

const MADE_AT = '2025-11-28T01:01:19.000Z';

/** `matriz_precios.json`: what everything costs. */
export function priceMatrix(): object {
  return {
    version: '2025.11',
    moneda: 'USD',
    iva_incluido: true,
    actualizado: MADE_AT,
    productos: PRODUCTS.map(({ code, name, use, usd_m2, span_m }) => ({
      codigo: code,
      nombre: name,
      uso: use,
      espesores: Object.entries(usd_m2).map(([mm, usd]) => ({
        espesor_mm: Number(mm),
        precio_m2: usd,
        autoportancia_m: span_m[Number(mm)],
      })),
    })),
    accesorios: ACCESSORIES.map(({ code, name, usd }) => ({
      codigo: code,
      nombre: name,
      precio_unidad: usd,
    })),
  };
}

/** `conocimiento_consolidado.json`: question and answer of every conversation, for the assistant to look up. */
export function consolidated(conversations: readonly Conversation[]): object {
  return {
    generado: MADE_AT,
    conversaciones: conversations.length,
    entradas: conversations.flatMap(({ session_id, messages, quote }) =>
      messages.slice(5, -3).flatMap((message, index, all) =>
        message.role === 'user'
          ? [
              {
                sesion: session_id,
                producto: quote.product,
                pregunta: message.content,
                respuesta: all[index + 1]?.content,
              },
            ]
          : [],
      ),
    ),
  };
}

/** `base_conocimiento_exportada.json`: one line about every session. */
export function exported(conversations: readonly Conversation[]): object {
  return {
    exportado: MADE_AT,
    sesiones: conversations.map(
      ({ session_id, phone, customer, intent, started_at, ended_at, messages, quote }) => ({
        session_id,
        phone,
        customer,
        intent,
        started_at,
        ended_at,
        message_count: messages.length,
        quote_id: quote.quote_id,
      }),
    ),
  };
}
