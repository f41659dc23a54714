#include "service/control_routes.hpp"

namespace posthorn::service {

// Everything that comes from outside is put in as text, never as markup.
std::string_view control_page() {
  return R"page(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Posthorn</title>
<link rel="stylesheet" href="page.css">
<h1>Posthorn</h1>
<p id="health" role="status">…</p>
<dl id="counts"></dl>
<h2>Destinations</h2>
<table><thead><tr><th>destination<th>waiting<th>under way<th>at most<th></tr></thead><tbody id="destinations"></tbody></table>
<h2>Waiting messages</h2>
<p id="note"></p>
<table><thead><tr><th>id<th>from<th>to<th>status<th>attempts<th>next attempt<th>last reply</tr></thead><tbody id="messages"></tbody></table>
<script src="page.js"></script>
</html>
)page";
}

std::string_view control_style() {
  return R"page(:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { margin: 1.5rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { margin: 0; font-size: 1.4rem; }
h2 { margin: 1.5rem 0 .3rem; font-size: 1.05rem; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); gap: .6rem; margin: 1rem 0; }
dl div { border: 1px solid #8886; border-radius: .4rem; padding: .4rem .6rem; }
dt { opacity: .7; font-size: .85rem; }
dd { margin: 0; font-size: 1.2rem; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .2rem .5rem; border-bottom: 1px solid #8884; vertical-align: top; overflow-wrap: anywhere; }
td.number { font-variant-numeric: tabular-nums; }
.bad { color: #c22; }
)page";
}

std::string_view control_script() {
  return R"page('use strict';
const shown = 100;
const counts = {
  posthorn_messages_waiting: 'messages waiting', posthorn_messages_accepted_total: 'accepted',
  posthorn_recipients_delivered_total: 'delivered', posthorn_recipients_bounced_total: 'bounced',
  posthorn_attempts_deferred_total: 'deferred', posthorn_attempts_ambiguous_total: 'outcome unknown',
  posthorn_recipients_refused_total: 'recipients refused', posthorn_connections_open: 'open sessions',
  posthorn_connections_total: 'sessions',
};
const at = name => document.getElementById(name);
function row(values, bad) {
  const line = document.createElement('tr');
  for (const value of values) {
    const cell = line.insertCell();
    cell.textContent = value ?? '';
    if (typeof value === 'number') cell.className = 'number';
  }
  if (bad) line.className = 'bad';
  return line;
}
function count(name, value) {
  const box = document.createElement('div');
  box.append(Object.assign(document.createElement('dt'), {textContent: name}),
             Object.assign(document.createElement('dd'), {textContent: value}));
  return box;
}
async function look() {
  try {
    const [health, metrics, destinations, messages] = await Promise.all([
      fetch('healthz').then(r => r.json()), fetch('metrics').then(r => r.text()),
      fetch('api/destinations').then(r => r.json()), fetch('api/queue?limit=' + shown).then(r => r.json())]);
    at('health').textContent = health.why ? health.status + ': ' + health.why : 'takes mail';
    at('health').className = health.status === 'ok' ? '' : 'bad';
    const values = new Map(metrics.split('\n').filter(l => l && l[0] !== '#').map(l => l.split(' ')));
    at('counts').replaceChildren(...Object.entries(counts).map(([key, name]) => count(name, values.get(key) ?? '0')));
    at('destinations').replaceChildren(...destinations.map(d => row(
      [(d.lane === 'local' ? 'local:' : '') + d.destination, d.waiting, d.running, d.window,
       d.unreachable ? 'cannot be reached' : ''], d.unreachable)));
    at('messages').replaceChildren(...messages.flatMap(m => m.recipients.map(r => row(
      [m.id, m.sender || '<>', r.address, r.status, r.attempts, r.next_attempt, r.last_reply]))));
    at('note').textContent = messages.length === 0 ? 'none' : messages.length === shown ? 'the first ' + shown + ':' : '';
  } catch (error) {
    at('health').textContent = 'no answer: ' + error.message;
    at('health').className = 'bad';
  }
}
look();
setInterval(look, 5000);
)page";
}

}  // namespace posthorn::service
