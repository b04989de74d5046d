// What stands in a chat: bubbles, ticks, days, notices, typing dots. Pure building, no state.
// Every text is set as text, never as markup: customers write what they like.

const SVG = "http://www.w3.org/2000/svg";
const PATHS = {
  pending: ["M8.5 1.5a4.5 4.5 0 1 0 .01 0M8.5 3.5V6l2 1.2"],
  sent: ["M5 6.6l3 3 5.8-6.8"],
  delivered: ["M1.2 6.6l3 3L10 2.8", "M7.6 8.8l.8.8 5.8-6.8"],
  read: ["M1.2 6.6l3 3L10 2.8", "M7.6 8.8l.8.8 5.8-6.8"],
  unsent: ["M8.5 1.5v6", "M8.5 10.5v.01"],
};
const SAID = {
  pending: "Waiting",
  sent: "Sent",
  delivered: "Delivered: the bot has it",
  read: "Read",
  unsent: "Not sent",
};
const STYLES = { "*": "strong", _: "em", "~": "s", "`": "code" };
const STYLED =
  /(?<![\p{L}\p{N}])(```[^`]+```|\*[^\s*](?:[^*\n]*[^\s*])?\*|_[^\s_](?:[^_\n]*[^\s_])?_|~[^\s~](?:[^~\n]*[^\s~])?~)(?![\p{L}\p{N}])/gu;

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function formatText(text) {
  const parts = text.split(STYLED).map((part, index) => {
    if (index % 2 === 0) return document.createTextNode(part);
    const cut = part.startsWith("```") ? 3 : 1;
    return make(STYLES[part[0]], "", part.slice(cut, -cut));
  });
  const paragraph = make("p");
  paragraph.append(...parts);
  return paragraph;
}

function formatTime(at) {
  return new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

function buildTicks(status, why) {
  const ticks = document.createElementNS(SVG, "svg");
  ticks.setAttribute("class", "ticks");
  ticks.setAttribute("viewBox", "0 0 17 12");
  ticks.setAttribute("role", "img");
  ticks.setAttribute("aria-label", why ? `${SAID[status]}: ${why}` : SAID[status]);
  ticks.dataset.status = status;
  for (const d of PATHS[status] ?? []) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    ticks.append(path);
  }
  return ticks;
}

export function buildBubble(message, { isFirst, quoted }) {
  const side = message.direction === "in" ? "mine" : "theirs";
  const bubble = make("li", `bubble ${side}${isFirst ? " first" : ""}`);
  bubble.append(make("span", "unseen", message.direction === "in" ? "You: " : "Business: "));
  if (quoted) bubble.append(make("span", "quote", quoted));
  const text = message.type === "text" ? message.text : `[${message.type}] ${message.text}`;
  const meta = make("span", "meta");
  const time = make("time", "", formatTime(message.at));
  time.dateTime = message.at;
  meta.append(time);
  bubble.append(formatText(text), meta);
  setStatus(bubble, message);
  return bubble;
}

export function setStatus(bubble, message) {
  bubble.dataset.wamid = message.wamid;
  bubble.dataset.status = message.status;
  if (message.direction === "out") {
    bubble.title = `WhatsApp's status of this message: ${message.status}`;
    return;
  }
  bubble.querySelector(".ticks")?.remove();
  bubble.querySelector(".meta").append(buildTicks(message.status, message.why));
}

export function buildNotice(message) {
  const why = message.error_code === 131047 ? "more than 24 hours since you wrote" : "WhatsApp refused it";
  return make("li", "notice", `A message of the business was not delivered: ${why} (${message.error_code}).`);
}

export function buildDay(at) {
  const day = new Date(at);
  const isToday = day.toDateString() === new Date().toDateString();
  return make("li", "day", isToday ? "Today" : day.toLocaleDateString([], { dateStyle: "long" }));
}

export function buildTyping() {
  const typing = make("li", "bubble theirs first typing");
  typing.append(make("span", "unseen", "The business is typing"), make("i"), make("i"), make("i"));
  return typing;
}
