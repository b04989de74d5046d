// The page: two panes, the stream of events that feeds them, and whether the bot can be reached.
// Owns no pane's content (pane.js) and no fault (faults.js).

import { watchFaults } from "./faults.js";
import { Pane } from "./pane.js";

const LOOK_EVERY_MS = 5000;
const RECONNECT_MS = 2000;
const STORE = "released-sandbox";
const CUSTOMERS = [
  { name: "Ana", number: "+34 600 111 222", client: "" },
  { name: "Luis", number: "+34 600 333 444", client: "" },
];

const byId = (id) => document.getElementById(id);

function loadCustomers() {
  try {
    const kept = JSON.parse(localStorage.getItem(STORE));
    return CUSTOMERS.map((customer, index) => ({ ...customer, ...kept?.[index] }));
  } catch {
    return CUSTOMERS;
  }
}

function keepCustomers() {
  try {
    localStorage.setItem(STORE, JSON.stringify(panes.map((pane) => pane.settings)));
  } catch {
    // A browser that keeps nothing shows the same page, from the start every time.
  }
}

function showProblem(line) {
  const banner = byId("banner");
  banner.hidden = !line;
  if (line && banner.textContent !== line) banner.textContent = line;
}

function showHealth(webhook) {
  const health = byId("health");
  health.dataset.state = webhook.problem ? "bad" : "ok";
  health.textContent = webhook.problem ? "The bot cannot be reached" : "The bot is listening";
  showProblem(webhook.problem);
}

function showSandboxGone() {
  byId("health").dataset.state = "bad";
  byId("health").textContent = "The sandbox has stopped";
  showProblem("This page's own sandbox does not answer: start it again, and the page goes on by itself.");
}

async function lookAround() {
  if (document.hidden) return;
  try {
    const answer = await fetch("/chat/clients");
    const found = await answer.json();
    if (!answer.ok) return showProblem(found.error);
    showHealth(found.webhook);
    for (const pane of panes) {
      pane.offerClients(found.clients);
      pane.offerExamples();
    }
  } catch {
    showSandboxGone();
  }
}

function takeEvent(event) {
  if (event.type === "webhook") return showHealth(event.webhook);
  for (const pane of panes) {
    if (event.type === "resync") pane.reload();
    else if (pane.isAbout(event)) takeChatEvent(pane, event);
  }
}

function takeChatEvent(pane, event) {
  if (event.type === "typing") return pane.showTyping(event.seconds);
  pane.showMessage(event.message);
  if (!pane.element.classList.contains("active")) tabs[panes.indexOf(pane)].dataset.news = "";
}

function listen() {
  const stream = new EventSource("/chat/events");
  stream.onopen = () => {
    lookAround();
    for (const pane of panes) pane.reload();
  };
  stream.onmessage = (message) => takeEvent(JSON.parse(message.data));
  stream.onerror = () => {
    showSandboxGone();
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, RECONNECT_MS);
  };
}

function buildTab(pane) {
  const tab = document.createElement("button");
  tab.type = "button";
  tab.className = "tab";
  tab.addEventListener("click", () => activate(pane));
  byId("tabs").append(tab);
  return tab;
}

function activate(active) {
  panes.forEach((pane, index) => {
    pane.element.classList.toggle("active", pane === active);
    tabs[index].setAttribute("aria-pressed", String(pane === active));
    if (pane === active) delete tabs[index].dataset.news;
  });
  active.scrollDown();
}

function nameTabs() {
  panes.forEach((pane, index) => {
    tabs[index].textContent = pane.settings.name || `Customer ${index + 1}`;
  });
}

const panes = loadCustomers().map(
  (settings) =>
    new Pane(settings, {
      onChange: () => {
        nameTabs();
        keepCustomers();
      },
    }),
);
byId("panes").append(...panes.map((pane) => pane.element));
const tabs = panes.map(buildTab);
nameTabs();
activate(panes[0]);
listen();
watchFaults(byId("faults"));
setInterval(lookAround, LOOK_EVERY_MS);
document.addEventListener("visibilitychange", lookAround);
