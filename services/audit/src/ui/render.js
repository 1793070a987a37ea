import { count, sentence, toneOf, took } from './describe.js';

const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hour12: false,
});
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' });

/** An element with attributes and children; texts are set as text, never as HTML. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function timeOf(event) {
  const at = new Date(event.time);
  return element('time', { datetime: event.time, title: day.format(at) }, clock.format(at));
}

const typeOf = (event) => element('span', { class: 'type', 'data-tone': toneOf(event.type) }, event.type);

/** One line of the list; `onStory` is called with the correlation id. */
export function eventRow(event, onStory) {
  const story = element('button', { type: 'button', class: 'open-story' }, 'story');
  story.setAttribute('aria-label', `The story of ${event.type} ${event.subject}`);
  story.addEventListener('click', () => onStory(event.correlationid));
  const what = element('span', { class: 'what' }, event.subject, element('small', {}, sentence(event)));
  return element('li', {}, timeOf(event), typeOf(event), what, story);
}

/** One step of a story, with how long after its beginning it was. */
export function storyStep(event, started_ms) {
  const after_ms = Date.parse(event.time) - started_ms;
  const head = element('p', {}, typeOf(event), ' ');
  head.append(
    element(
      'span',
      { class: 'after' },
      after_ms === 0 ? clock.format(new Date(event.time)) : `+${took(after_ms)}`,
    ),
  );
  const service = event.source.split('/').slice(1).join(' · ');
  const data = element('pre', { tabindex: '0', 'aria-label': 'The event' }, JSON.stringify(event, null, 2));
  return element(
    'li',
    {},
    head,
    element('p', {}, event.subject),
    element('p', { class: 'quiet' }, [sentence(event), service].filter(Boolean).join(' — ')),
    element('details', {}, element('summary', {}, `event ${event.auditindex}`), data),
  );
}

/** A story in one sentence. */
export function storySum(events) {
  if (events.length === 0) return 'No events have this correlation id.';
  const of = (...types) => events.filter(({ type }) => types.includes(type)).length;
  const lost = of('FileDeleted', 'FileCorrupted');
  const back = of('FileRecovered');
  const told = of('NotificationSent');
  const span = took(Date.parse(events.at(-1).time) - Date.parse(events[0].time));
  const parts = [
    lost > 0 && `${count(lost, 'file')} lost`,
    back > 0 && `${count(back, 'file')} brought back`,
    told > 0 && `people told ${told === 1 ? 'once' : `${told} times`}`,
  ].filter(Boolean);
  return `${parts.length === 0 ? count(events.length, 'event') : parts.join(', ')}, in ${span}.`;
}
