// The page: which way of seeing, which frames, and what came of them.

import { saveSnapshot } from './drawing.js';
import { LiveMode } from './live_mode.js';
import { openSource } from './sources.js';

const element = (id) => document.getElementById(id);
const SECONDS_OF_RATE = 2;

const page = {
  modes: [], mode: null, seeing: null, socket: null, source: null, running: false, arrivals: [], frames: 0, wait: 500,
};
// Read by tests, and in the console.
window.neurosplat = page;

// The token comes in the address once, and stays with the tab.
const token = new URLSearchParams(location.search).get('token') || sessionStorage.getItem('token') || '';
if (token) {
  sessionStorage.setItem('token', token);
  history.replaceState(null, '', location.pathname + location.hash);
}

function addressOf(path) {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
  return `${scheme}//${location.host}${path}${token ? `?token=${encodeURIComponent(token)}` : ''}`;
}

function openSocket(path, hear, ended) {
  const socket = new WebSocket(addressOf(path));
  socket.binaryType = 'arraybuffer';
  socket.onmessage = (event) => hear(event.data);
  socket.onclose = ended;
  return socket;
}

function say(text) {
  element('error').hidden = !text;
  element('error').textContent = text || '';
}

function connect() {
  page.socket = openSocket('/live', hear, () => {
    element('connection').textContent = 'connection lost, trying again';
    element('connection').className = 'lost';
    setTimeout(connect, page.wait);
    page.wait = Math.min(2 * page.wait, 5000);
  });
}

function hear(data) {
  if (typeof data === 'string') {
    const said = JSON.parse(data);
    if (said.type === 'modes') {
      greet(said.modes);
      return;
    }
  }
  if (page.seeing instanceof LiveMode) page.seeing.hear(data).catch((failure) => say(failure.message));
}

async function greet(modes) {
  element('connection').textContent = 'connected';
  element('connection').className = '';
  page.wait = 500;
  page.modes = modes;
  for (const mode of modes) if (mode.script) mode.Seeing = (await import(mode.script)).default;
  element('modes').replaceChildren(...page.modes.map((mode, place) => {
    const tab = document.createElement('button');
    tab.type = 'button';
    tab.id = `mode-${mode.name}`;
    tab.role = 'tab';
    tab.textContent = mode.title;
    tab.title = String(place + 1);
    tab.onclick = () => choose(mode.name);
    return tab;
  }));
  const wanted = page.mode ? page.mode.name : location.hash.slice(1);
  choose(page.modes.some((mode) => mode.name === wanted) ? wanted : page.modes[0].name);
}

function choose(name) {
  page.mode = page.modes.find((mode) => mode.name === name);
  for (const tab of element('modes').children) tab.ariaSelected = String(tab.id === `mode-${name}`);
  history.replaceState(null, '', `#${name}`);
  element('help').textContent = page.mode.help;
  element('choices').replaceChildren(...page.mode.choices.map((choice) => {
    const label = document.createElement('label');
    const select = document.createElement('select');
    select.id = `choice-${choice.name}`;
    select.dataset.choice = choice.name;
    select.append(...choice.values.map((value) => new Option(value, value)));
    select.onchange = restart;
    label.append(choice.name[0].toUpperCase() + choice.name.slice(1), select);
    return label;
  }));
  restart();
}

function chosen() {
  const selects = [...element('choices').querySelectorAll('select')];
  return Object.fromEntries(selects.map((select) => [select.dataset.choice, select.value]));
}

function restart() {
  if (!page.mode) return;
  if (page.seeing) page.seeing.close();
  say('');
  page.arrivals = [];
  element('figures').textContent = '';
  element('note').textContent = '';
  const stage = element('stage');
  page.seeing = page.mode.Seeing
    ? new page.mode.Seeing(openSocket, stage, tell, beginAgain)
    : new LiveMode(page.mode, page.socket, stage, tell);
  page.seeing.begin(chosen());
}

// Where the whole program has gone, connect() begins again once it is back.
function beginAgain(seeing) {
  setTimeout(() => {
    if (page.seeing === seeing && page.socket.readyState === WebSocket.OPEN) restart();
  }, 1000);
}

function tell({ error, latency, computing, note }) {
  if (error) {
    say(error);
    return;
  }
  const now = performance.now();
  page.frames += 1;
  page.arrivals.push({ now, latency });
  while (now - page.arrivals[0].now > 1000 * SECONDS_OF_RATE) page.arrivals.shift();
  const seconds = Math.max(0.5, (now - page.arrivals[0].now) / 1000);
  const middle = page.arrivals.map((arrival) => arrival.latency).sort((a, b) => a - b)[Math.floor(page.arrivals.length / 2)];
  const inside = computing === undefined ? '' : `, ${computing.toFixed(1)} ms of it in the model`;
  page.rate = page.arrivals.length / seconds;
  page.latency = middle;
  element('figures').textContent = `${page.rate.toFixed(1)} frames/s, ${middle.toFixed(0)} ms from frame to picture${inside}`;
  element('note').textContent = note || '';
}

async function start() {
  say('');
  try {
    page.source = await openSource(element('source').value, element('file').files[0]);
  } catch (failure) {
    say(failure.message);
    return;
  }
  page.running = true;
  element('run').textContent = 'Stop';
  page.began = performance.now();
}

function stop() {
  page.running = false;
  element('run').textContent = 'Start';
  if (page.source) page.source.close();
  page.source = null;
}

const canvas = document.createElement('canvas');
const context = canvas.getContext('2d', { willReadFrequently: true });

function tick() {
  requestAnimationFrame(tick);
  if (!page.running || !page.source || !page.seeing || !page.seeing.wantsFrame) return;
  const side = page.seeing.frameSide;
  if (canvas.width !== side) canvas.width = canvas.height = side;
  if (page.source.draw(context, (performance.now() - page.began) / 1000)) {
    page.seeing.see(canvas).catch((failure) => say(failure.message));
  }
}

function changeSource() {
  element('file').hidden = element('source').value !== 'file';
  if (page.running) stop();
}

element('run').onclick = () => (page.running ? stop() : start());
element('reset').onclick = () => page.seeing && page.seeing.forget();
element('snapshot').onclick = () => page.seeing && saveSnapshot(page.seeing.canvases, `neurosplat-${page.mode.name}.png`);
element('source').onchange = changeSource;
element('file').onchange = () => {
  if (page.running) stop();
  if (element('file').files.length) start();
};

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest('select, input')) return;
  const place = Number(event.key) - 1;
  if (page.modes[place]) choose(page.modes[place].name);
  else if (event.key === ' ') element('run').click();
  else if (event.key === 'r') element('reset').click();
  else if (event.key === 's') element('snapshot').click();
  else if (event.key === 'c') {
    element('source').selectedIndex = (element('source').selectedIndex + 1) % element('source').length;
    changeSource();
  } else return;
  event.preventDefault();
});

connect();
tick();
