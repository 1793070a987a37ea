import { ask, follow, Refused } from './event-stream.js';
import { eventRow, storyStep, storySum } from './render.js';

const ROWS_MAX = 300;
const KEPT_MAX = 4 * ROWS_MAX;
const STORY_MAX = 1000;
const TOKEN = 'holdfast.token';
const byId = (id) => document.getElementById(id);

const state = {
  token: takeToken(),
  /** The newest events, oldest first: what the list is made of. */
  recent: [],
  story: null,
  story_events: [],
  paused: false,
  /** What came since the list was last drawn. */
  fresh: 0,
};
let following = new AbortController();
let drawing = false;

/** From `#token=…`, which is taken out of the address at once, or from this tab's memory. */
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given !== null) {
    sessionStorage.setItem(TOKEN, given);
    history.replaceState(null, '', location.pathname);
  }
  return sessionStorage.getItem(TOKEN);
}

function showConnection(connection, text) {
  const shown = byId('connection');
  shown.dataset.state = connection;
  if (shown.textContent !== text) shown.textContent = text;
}

function show(section) {
  for (const id of ['sign-in', 'live', 'story']) byId(id).hidden = id !== section;
  byId('forget').hidden = section === 'sign-in';
}

function signOut(problem = '') {
  following.abort();
  sessionStorage.removeItem(TOKEN);
  state.token = null;
  byId('sign-in-problem').textContent = problem;
  showConnection('idle', 'Not connected');
  show('sign-in');
  byId('token').focus();
}

/** Shows what there is, then what comes; a token that opens nothing leads back to the form. */
async function start() {
  following = new AbortController();
  const { signal } = following;
  showConnection('idle', 'Connecting…');
  show('live');
  try {
    const reply = await ask(`/api/audit/events?order=desc&limit=${ROWS_MAX}`, state.token, { signal });
    state.recent = (await reply.json()).items.reverse();
    draw();
    openFromAddress();
    const onState = (now) => showConnection(now, now === 'live' ? 'Live' : 'Connection lost, trying again…');
    const after = state.recent.at(-1)?.auditindex ?? -1;
    await follow({ token: state.token, after, signal, onEvent, onState });
  } catch (error) {
    if (error instanceof Refused) signOut(error.message);
    else if (!signal.aborted) {
      showConnection('lost', 'Cannot reach Holdfast, trying again…');
      setTimeout(start, 2000);
    }
  }
}

/** Of a kind that is rare, the newest may be far back. */
async function chooseKind() {
  draw();
  const type = byId('kind').value;
  if (type === '') return;
  try {
    const reply = await ask(
      `/api/audit/events?${new URLSearchParams({ type, order: 'desc', limit: ROWS_MAX })}`,
      state.token,
    );
    const known = new Set(state.recent.map(({ auditindex }) => auditindex));
    const older = (await reply.json()).items.filter(({ auditindex }) => !known.has(auditindex));
    state.recent = [...older, ...state.recent].sort((a, b) => a.auditindex - b.auditindex);
    draw();
  } catch (error) {
    if (error instanceof Refused) signOut(error.message);
  }
}

function onEvent(event) {
  state.recent.push(event);
  if (state.recent.length > KEPT_MAX) state.recent.splice(0, state.recent.length - KEPT_MAX + ROWS_MAX);
  state.fresh += 1;
  if (event.correlationid === state.story && state.story_events.length < STORY_MAX)
    state.story_events.push(event);
  drawSoon();
}

/** A burst of thousands is drawn once a frame, not once an event. */
function drawSoon() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    draw();
  });
}

function draw() {
  if (state.story !== null) return drawStory();
  if (state.paused) {
    byId('waiting').textContent = state.fresh === 0 ? '' : `${state.fresh} more`;
    return;
  }
  const kind = byId('kind').value;
  const wanted = kind === '' ? null : kind.split(',');
  const shown = state.recent.filter(({ type }) => wanted === null || wanted.includes(type));
  const list = byId('events');
  const known = new Map([...list.children].map((row) => [row.dataset.index, row]));
  const rows = shown
    .slice(-ROWS_MAX)
    .reverse()
    .map((event) => known.get(String(event.auditindex)) ?? newRow(event));
  list.replaceChildren(...rows);
  byId('nothing').hidden = rows.length > 0;
  byId('waiting').textContent = '';
  state.fresh = 0;
}

function newRow(event) {
  const row = eventRow(event, openStory);
  row.dataset.index = event.auditindex;
  return row;
}

function openStory(correlation) {
  location.hash = new URLSearchParams({ story: correlation });
}

/** The address says which story is open, so that it can be kept and sent on. */
async function openFromAddress() {
  const story = new URLSearchParams(location.hash.slice(1)).get('story');
  if (state.token === null || story === state.story) return;
  state.story = story;
  state.story_events = [];
  if (story === null) {
    show('live');
    draw();
    return;
  }
  byId('story-id').textContent = story;
  byId('timeline').replaceChildren();
  show('story');
  byId('story-title').focus();
  await loadStory(story);
}

async function loadStory(story) {
  const search = new URLSearchParams({ correlation_id: story, limit: STORY_MAX });
  try {
    const { items } = await (await ask(`/api/audit/events?${search}`, state.token)).json();
    if (state.story !== story) return;
    const seen = new Set(items.map(({ auditindex }) => auditindex));
    state.story_events = [...items, ...state.story_events.filter(({ auditindex }) => !seen.has(auditindex))];
    drawStory();
  } catch (error) {
    if (error instanceof Refused) signOut(error.message);
    else byId('story-sum').textContent = `The story could not be read: ${error.message}.`;
  }
}

function drawStory() {
  const events = state.story_events;
  byId('story-sum').textContent = storySum(events);
  const timeline = byId('timeline');
  const started_ms = Date.parse(events[0]?.time ?? 0);
  // A story only grows at its end: what stands there stays, and what is opened stays open.
  if (timeline.childElementCount > events.length) timeline.replaceChildren();
  for (const event of events.slice(timeline.childElementCount)) timeline.append(storyStep(event, started_ms));
}

byId('sign-in').addEventListener('submit', (submit) => {
  submit.preventDefault();
  state.token = byId('token').value.trim();
  sessionStorage.setItem(TOKEN, state.token);
  byId('token').value = '';
  start();
});
byId('forget').addEventListener('click', () => signOut());
byId('kind').addEventListener('change', chooseKind);
byId('back').addEventListener('click', () => {
  location.hash = '';
});
byId('pause').addEventListener('click', (click) => {
  state.paused = !state.paused;
  click.target.setAttribute('aria-pressed', String(state.paused));
  click.target.textContent = state.paused ? 'Go on' : 'Pause';
  draw();
});
addEventListener('hashchange', () => {
  const token = takeToken();
  if (token !== state.token && token !== null) {
    following.abort();
    state.token = token;
    start();
  } else openFromAddress();
});

if (state.token === null) signOut();
else start();
