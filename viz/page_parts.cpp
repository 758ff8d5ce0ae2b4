#include "viz/page_parts.h"

namespace busproof::viz {

const std::string_view kPageStyle = R"css(
:root { color-scheme: light dark; --line: #c9ced4; --quiet: #66707a; --back: #fff; --panel: #f4f6f8; --text: #1b1b1b;
  --error: #b34700; --warning: #7a5c00; --info: #00608f; --lit: #d55e00; }
@media (prefers-color-scheme: dark) { :root { --line: #3a4149; --quiet: #9aa4ae; --back: #14171a; --panel: #1d2126;
  --text: #e8eaed; --error: #ff9c5c; --warning: #f0c93c; --info: #6fc3f7; } }
* { box-sizing: border-box; }
body { margin: 0; font: 14px/1.4 Arial, sans-serif; background: var(--back); color: var(--text); height: 100vh;
  display: flex; flex-direction: column; }
header { display: flex; gap: 1em; align-items: center; padding: .5em 1em; border-bottom: 1px solid var(--line);
  flex-wrap: wrap; }
h1 { font-size: 1.1em; margin: 0; }
h2 { font-size: 1em; margin: .6em 0 .3em; }
input { font: inherit; padding: .25em .5em; min-width: 18em; background: var(--back); color: inherit;
  border: 1px solid var(--line); border-radius: 4px; }
button { font: inherit; padding: .2em .6em; background: var(--panel); color: inherit; border: 1px solid var(--line);
  border-radius: 4px; cursor: pointer; }
main { flex: 1; display: flex; min-height: 0; }
nav { width: 16em; overflow: auto; border-right: 1px solid var(--line); background: var(--panel); }
nav button { display: block; width: 100%; text-align: left; border: 0; border-bottom: 1px solid var(--line);
  border-radius: 0; overflow-wrap: anywhere; }
nav button[aria-current=true] { font-weight: bold; border-left: 4px solid var(--lit); }
#picture { flex: 1; min-width: 0; position: relative; overflow: hidden; background: #fff; touch-action: none;
  cursor: grab; }
#picture svg { width: 100%; height: 100%; display: block; }
#zoom { position: absolute; right: .5em; top: .5em; display: flex; gap: .3em; }
#picture a { cursor: pointer; }
aside { width: 26em; overflow: auto; padding: 0 1em 1em; border-left: 1px solid var(--line); }
pre { font: 12px/1.35 monospace; overflow: auto; background: var(--panel); padding: .6em; }
pre span.hit { background: var(--lit); color: #fff; }
ul { list-style: none; margin: 0; padding: 0; }
li.finding { border-left: 4px solid var(--line); padding: .2em .6em; margin: .3em 0; background: var(--panel);
  overflow-wrap: anywhere; }
li.finding:hover, li.finding:focus, li.finding.chosen { outline: 2px solid var(--lit); }
.error { border-color: var(--error) !important; } .error b { color: var(--error); }
.warning { border-color: var(--warning) !important; } .warning b { color: var(--warning); }
.info { border-color: var(--info) !important; } .info b { color: var(--info); }
.quiet { color: var(--quiet); font-size: .9em; }
[hidden] { display: none !important; }
.lit polygon { stroke: #d55e00; stroke-width: 5; }
.faded { opacity: .25; }
.cards { display: flex; flex-wrap: wrap; gap: 1em; padding: 1em; overflow: auto; }
.cards a { width: 15em; border: 1px solid var(--line); border-radius: 6px; padding: .5em; color: inherit;
  text-decoration: none; overflow-wrap: anywhere; content-visibility: auto; contain-intrinsic-size: 15em 13em; }
.cards img { width: 100%; height: 9em; object-fit: contain; background: #fff; }
@media (max-width: 60em) { main { flex-direction: column; overflow: auto; } nav, aside { width: auto; border: 0; }
  nav { max-height: 10em; flex: none; } #picture { min-height: 60vh; flex: none; } }
)css";

const std::string_view kPageBody = R"html(
<main>
<nav id="entries" aria-label="configs"></nav>
<div id="picture" role="img" aria-label="picture"></div>
<aside><p id="file" class="quiet"></p><h2>Findings <span id="count" class="quiet"></span></h2><ul id="findings"></ul>
<div id="tree-part"><h2>Tree</h2><pre id="tree"></pre></div></aside>
</main>
)html";

const std::string_view kPageScript = R"js('use strict';
const by = id => document.getElementById(id);
const picture = by('picture'), search = by('search');
let entries = [], current = 0, view = null, whole = null;

const element = (tag, className, text) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
};

// The picture: its view box is what is seen of it.
const svg = () => picture.querySelector('svg');
const apply = () => svg() && svg().setAttribute('viewBox', [view.x, view.y, view.w, view.h].join(' '));
const fit = () => { view = {...whole}; apply(); };
// A tower begins with its top, as wide as there is room for.
const fitWidth = () => {
  const frame = picture.getBoundingClientRect();
  const h = whole.w * frame.height / frame.width;
  if (whole.h < 3 * h) return fit();
  view = {x: whole.x, y: whole.y, w: whole.w, h};
  apply();
};
const zoom = (factor, x, y) => {
  if (!svg()) return;
  view.x += (x - view.x) * (1 - factor);
  view.y += (y - view.y) * (1 - factor);
  view.w *= factor;
  view.h *= factor;
  apply();
};
const zoomMiddle = factor => view && zoom(factor, view.x + view.w / 2, view.y + view.h / 2);
const pointOf = event => {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg().getScreenCTM().inverse());
  return [point.x, point.y];
};
picture.addEventListener('wheel', event => {
  if (!svg()) return;
  event.preventDefault();
  zoom(event.deltaY > 0 ? 1.2 : 1 / 1.2, ...pointOf(event));
}, {passive: false});
let held = null;
picture.addEventListener('pointerdown', event => { if (svg()) held = {at: pointOf(event), moved: false}; });
picture.addEventListener('pointermove', event => {
  if (!held) return;
  const [x, y] = pointOf(event);
  if (Math.hypot(x - held.at[0], y - held.at[1]) < view.w / 400) return;
  held.moved = true;
  view.x -= x - held.at[0];
  view.y -= y - held.at[1];
  apply();
});
window.addEventListener('pointerup', () => setTimeout(() => { held = null; }));
picture.addEventListener('click', event => {
  const link = event.target.closest('a');
  if (!link) return;
  event.preventDefault();
  if (!held || !held.moved) choose(link.getAttribute('href') || link.getAttributeNS('http://www.w3.org/1999/xlink', 'href'));
});

// What is lit: the device of a finding, and the findings of a device.
const light = (id, on) => {
  const device = id && by('a_' + id);
  if (device) device.classList.toggle('lit', on);
  return device;
};
const bringIntoView = device => {
  const box = device.getBBox();
  const matrix = svg().querySelector('g').transform.baseVal.consolidate().matrix;
  const [x, y] = [box.x + matrix.e, box.y + matrix.f];
  if (x >= view.x && y >= view.y && x + box.width <= view.x + view.w && y + box.height <= view.y + view.h) return;
  view.x = x + box.width / 2 - view.w / 2;
  view.y = y + box.height / 2 - view.h / 2;
  apply();
};
const choose = link => {
  const id = (link || '').replace('#a_', '');
  let first = null;
  for (const item of by('findings').children) {
    const chosen = item.dataset.device === id;
    item.classList.toggle('chosen', chosen);
    if (chosen && !first) first = item;
  }
  if (first) first.scrollIntoView({block: 'nearest'});
};

const showFindings = entry => {
  const list = by('findings');
  list.replaceChildren();
  by('count').textContent = entry.count;
  for (const finding of entry.findings) {
    const item = element('li', 'finding ' + finding.severity);
    item.tabIndex = 0;
    item.dataset.device = finding.id;
    item.append(element('b', '', finding.severity + ' '), finding.device ? finding.device + ': ' : '', finding.change,
        element('div', 'quiet', finding.rule + ' ' + finding.name + ': ' + finding.reason));
    for (const witness of finding.witness) item.append(element('div', 'quiet', witness));
    if (finding.remedy) item.append(element('div', 'quiet', 'remedy: ' + finding.remedy));
    for (const name of ['mouseenter', 'focus', 'click']) item.addEventListener(name, () => {
      const device = light(finding.id, true);
      if (device) bringIntoView(device);
    });
    for (const name of ['mouseleave', 'blur']) item.addEventListener(name, () => light(finding.id, false));
    list.append(item);
  }
};

const show = number => {
  current = number;
  const entry = entries[number];
  by('file').textContent = entry.error ? entry.error : entry.file;
  const buttons = element('div');
  buttons.id = 'zoom';
  for (const [text, label, act] of [['+', 'closer', () => zoomMiddle(1 / 1.3)], ['−', 'farther', () => zoomMiddle(1.3)],
      ['fit', 'the whole picture', fit]]) {
    const button = element('button', '', text);
    button.title = label;
    button.addEventListener('click', act);
    buttons.append(button);
  }
  picture.innerHTML = by('svg-' + number) ? by('svg-' + number).textContent : '';
  if (svg()) {
    const box = svg().viewBox.baseVal;
    whole = {x: box.x, y: box.y, w: box.width, h: box.height};
    svg().removeAttribute('width');
    svg().removeAttribute('height');
    svg().setAttribute('preserveAspectRatio', 'xMidYMin meet');
    picture.style.background = svg().querySelector('polygon').getAttribute('fill');
    picture.append(buttons);
    fitWidth();
  }
  showFindings(entry);
  by('tree-part').hidden = !entry.tree;
  for (const button of by('entries').children) button.setAttribute('aria-current', button.dataset.number == number);
  find();
};

// The search: over names of entries, and in the one shown over devices, findings and tree.
const titlesOf = drawing => {
  const titles = [...drawing.matchAll(/xlink:title="([^"]*)"/g)].map(match => match[1]).join('\n');
  const reader = element('textarea');
  reader.innerHTML = titles;  // text to a textarea, whatever is in it: this reads the character references
  return reader.value;
};
const textOf = (entry, number) => [entry.name, entry.file, entry.error, entry.tree,
  ...entry.findings.map(finding => finding.rule + ' ' + finding.name + ' ' + finding.device + ' ' + finding.change),
  by('svg-' + number) ? titlesOf(by('svg-' + number).textContent) : ''].join('\n').toLowerCase();
let texts = null;
const showTree = (text, wanted) => {
  const tree = by('tree');
  tree.replaceChildren();
  for (const line of text.split('\n')) {
    const hit = wanted && line.toLowerCase().includes(wanted);
    tree.append(hit ? element('span', 'hit', line) : line, '\n');
  }
};
const find = () => {
  const wanted = search.value.trim().toLowerCase();
  if (wanted && !texts) texts = entries.map(textOf);
  for (const button of by('entries').children) button.hidden = wanted && !texts[button.dataset.number].includes(wanted);
  for (const item of by('findings').children)
    item.hidden = wanted && !item.textContent.toLowerCase().includes(wanted);
  showTree(entries[current].tree, wanted);
  for (const link of picture.querySelectorAll('a')) {
    const title = link.getAttributeNS('http://www.w3.org/1999/xlink', 'title') || '';
    const hit = wanted && title.toLowerCase().includes(wanted);
    link.parentNode.classList.toggle('lit', !!hit);
    link.parentNode.classList.toggle('faded', !!wanted && !hit && link.hasAttributeNS('http://www.w3.org/1999/xlink', 'href'));
  }
};
search.addEventListener('input', find);

const start = read => {
  entries = read;
  entries.forEach((entry, number) => {
    const button = element('button', '', entry.name);
    button.append(element('div', 'quiet', entry.error ? 'no picture' : entry.count));
    button.dataset.number = number;
    button.addEventListener('click', () => show(number));
    by('entries').append(button);
  });
  by('entries').hidden = entries.length < 2;
  if (entries.length) show(0);
};
const unpack = async text => {
  const bytes = Uint8Array.from(atob(text), character => character.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).json();
};
if (by('data').type === 'application/json')
  start(JSON.parse(by('data').textContent));
else
  unpack(by('data').textContent).then(start).catch(() => { by('file').textContent =
    'This browser cannot unpack the page: take a newer one, or render into a folder (-o FOLDER/ --html).'; });
)js";

const std::string_view kIndexScript = R"js('use strict';
const search = document.getElementById('search');
search.addEventListener('input', () => {
  const wanted = search.value.trim().toLowerCase();
  for (const card of document.querySelectorAll('.cards a')) card.hidden = !card.textContent.toLowerCase().includes(wanted);
});
)js";

}  // namespace busproof::viz
