// What the pages can do with JavaScript: copy, commands while you type, fill in a tag, times of the reader's zone, dark and
// light, live progress. They can be read without.
'use strict';

const root = document.documentElement;
const words = document.body.dataset;
root.classList.add('js');

const keep = (key, value) => { try { localStorage.setItem(key, value); } catch { /* the browser keeps nothing */ } };
const kept = (key) => { try { return localStorage.getItem(key); } catch { return null; } };

if (kept('theme')) root.dataset.theme = kept('theme');
const isDark = () => root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;

// `navigator.clipboard` is not there on plain HTTP.
async function copy(text) {
  if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  area.setAttribute('readonly', '');
  area.className = 'sr';
  document.body.append(area);
  area.select();
  const done = document.execCommand('copy');
  area.remove();
  if (!done) throw new Error('not copied');
}

async function copyFrom(button) {
  const from = document.getElementById(button.dataset.copy);
  let said = words.copied;
  try { await copy(from.textContent.trim()); } catch { said = words.notCopied; }
  const before = button.textContent;
  button.textContent = said;
  button.classList.add('done');
  setTimeout(() => { button.textContent = before; button.classList.remove('done'); }, 1500);
}

function fill(tag) {
  for (const hole of document.querySelectorAll('.hole')) {
    hole.dataset.empty ??= hole.textContent;
    hole.textContent = tag || hole.dataset.empty;
  }
}

const token = () => { try { return sessionStorage.getItem('token'); } catch { return null; } };

function askForToken() {
  const dialog = document.getElementById('token');
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      const value = dialog.returnValue === 'ok' && dialog.querySelector('input').value.trim();
      if (value) try { sessionStorage.setItem('token', value); } catch { /* asked again next time */ }
      resolve(value || null);
    }, { once: true });
    dialog.returnValue = '';
    dialog.showModal();
  });
}

async function post(url, bearer = token()) {
  const headers = { 'accept-language': document.documentElement.lang };
  if (bearer) headers.authorization = `Bearer ${bearer}`;
  const response = await fetch(url, { method: 'POST', headers });
  if (response.status === 401) {
    const typed = await askForToken();
    return typed ? post(url, typed) : null;
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error([body.detail, body.hint].filter(Boolean).join('\n') || response.statusText);
  return body;
}

async function send(button) {
  button.disabled = true;
  try { await post(button.dataset.post); } catch (error) { alert(error.message); }
  button.disabled = false;
}

document.addEventListener('click', (event) => {
  const button = event.target.closest('button');
  if (!button) return;
  if (button.dataset.copy) copyFrom(button);
  if (button.dataset.post) send(button);
  if (button.id === 'theme') {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    keep('theme', root.dataset.theme);
  }
});

document.addEventListener('input', (event) => {
  if (event.target.id === 'tag') fill(event.target.value.trim());
  if (event.target.id === 'image') askSoon(150);
});

document.addEventListener('change', (event) => {
  if (event.target.name !== 'tool') return;
  keep('tool', event.target.value);
  askSoon(0);
});

// The server knows how names are read; this asks it while you type.
let asking = null;
function askSoon(wait) {
  clearTimeout(asking);
  asking = setTimeout(ask, wait);
}

async function ask() {
  const address = `/?${new URLSearchParams(new FormData(document.querySelector('.ask')))}`;
  const response = await fetch(address, { headers: { accept: 'text/html' } });
  const now = `/?${new URLSearchParams(new FormData(document.querySelector('.ask')))}`;
  if (!response.ok || address !== now) return;
  const fresh = new DOMParser().parseFromString(await response.text(), 'text/html');
  for (const part of ['#commands', '.registries', '.push', '.tools > a']) {
    const old = document.querySelector(part);
    const made = fresh.querySelector(part);
    if (old && made) old.replaceWith(made);
  }
  history.replaceState(null, '', address);
}

function openTool() {
  const form = document.querySelector('.ask');
  if (!form) return;
  const radio = document.getElementById(`tool-${kept('tool')}`);
  if (radio && !new URLSearchParams(location.search).has('tool')) radio.checked = true;
  // A proxy in front need not say that the page was asked for over TLS; the browser does.
  if (location.protocol === 'https:' && form.dataset.scheme !== 'https') ask();
}

// The time of the reader beside that of the rule.
function tellTimes() {
  const format = new Intl.DateTimeFormat(root.lang, { dateStyle: 'medium', timeStyle: 'long' });
  for (const time of document.querySelectorAll('time')) time.title = format.format(new Date(time.dateTime));
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
function size(bytes) {
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) { bytes /= 1024; unit += 1; }
  return `${unit && bytes < 100 ? bytes.toFixed(1) : Math.round(bytes)} ${units[unit]}`;
}

const text = (tag, content, className) => {
  const element = document.createElement(tag);
  element.textContent = content;
  if (className) element.className = className;
  return element;
};

const speeds = new Map();
function speed(run) {
  const now = performance.now();
  const past = speeds.get(run.run) ?? { at: now, read: run.read, rate: 0 };
  if (now - past.at > 900) {
    const rate = (run.read - past.read) / ((now - past.at) / 1000);
    speeds.set(run.run, { at: now, read: run.read, rate: past.rate ? past.rate * 0.6 + rate * 0.4 : rate });
  } else if (!speeds.has(run.run)) {
    speeds.set(run.run, past);
  }
  return speeds.get(run.run).rate;
}

function showRun(run) {
  const box = document.getElementById(`live-${run.rule}`);
  if (!box) return;
  box.hidden = false;
  const line = document.createElement('p');
  line.append(text('span', words[run.phase] ?? run.phase, 'pill live good'));
  if (run.part) line.append(text('span', run.part, 'mono small'));
  if (run.wanted) line.append(text('span', `${run.copies.total} / ${run.wanted}`));
  if (run.bytes) line.append(text('span', `${size(run.done)} / ${size(run.bytes)}`, 'quiet'));
  const rate = speed(run);
  if (rate > 0) line.append(text('span', `${size(rate)}/s`, 'quiet'));
  if (run.copies.failed) line.append(text('span', `${words.failed}: ${run.copies.failed}`, 'state bad'));
  const bar = document.createElement('progress');
  if (run.wanted) {
    // Bytes say more where there are any to copy.
    const byBytes = run.bytes > 0;
    bar.max = byBytes ? run.bytes : run.wanted;
    bar.value = byBytes ? run.done : run.copies.total;
  }
  const images = document.createElement('ul');
  for (const image of run.images.slice(0, 6)) {
    images.append(text('li', image.bytes ? `${image.image} · ${size(image.done)} / ${size(image.bytes)}` : image.image, 'mono'));
  }
  if (words.steered !== undefined) {
    const stop = text('button', words.stop, 'plain');
    stop.dataset.post = `/api/v1/sync/runs/${run.run}/cancel`;
    line.append(stop);
  }
  box.replaceChildren(line, bar, images);
}

async function refresh() {
  const response = await fetch(location.href, { headers: { accept: 'text/html' } });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), 'text/html').querySelector('main');
  const open = new Set([...document.querySelectorAll('details[open]')].map((element) => element.id));
  document.querySelector('main').replaceWith(fresh);
  for (const id of open) document.getElementById(id)?.setAttribute('open', '');
  tellTimes();
}

let waiting = null;
function refreshSoon() {
  waiting ??= setTimeout(() => { waiting = null; refresh(); }, 400);
}

function listen() {
  const events = new EventSource('/api/v1/sync/events');
  const on = (kind, heard) => events.addEventListener(kind, (event) => heard(JSON.parse(event.data)));
  let first = true;
  on('running', ({ runs }) => {
    // After a break something may have ended that nobody told us of.
    if (!first) refreshSoon();
    first = false;
    runs.forEach(showRun);
  });
  on('began', showRun);
  on('progress', showRun);
  on('ended', (run) => {
    const box = document.getElementById(`live-${run.rule}`);
    if (box) box.hidden = true;
    refreshSoon();
  });
  on('rules', refreshSoon);
}

openTool();
tellTimes();
if (words.live !== undefined) listen();
