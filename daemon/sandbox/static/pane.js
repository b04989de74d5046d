// One customer's phone: who they are, which business they write to, and the chat between the two.
// Owns one pane's elements and state; how a bubble looks is bubbles.js's.

import { buildBubble, buildDay, buildNotice, buildTyping, setStatus } from "./bubbles.js";

const USER_ID = /^[A-Z]{2}(\.ENT)?\.[A-Za-z0-9]{1,128}$/;
const NUMBER = /^\+?[0-9]{7,15}$/;
const NEAR_BOTTOM_PX = 120;

function makeWamid() {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return "wamid.HBgLcGFnZQ" + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Pane {
  constructor(settings, { onChange }) {
    this.settings = settings;
    this.onChange = onChange;
    this.userId = null;
    this.askable = null;
    this.latest = 0;
    this.hasMissed = false;
    this.bubbles = new Map();
    this.element = document.getElementById("pane-template").content.firstElementChild.cloneNode(true);
    this.log = this.find(".log");
    this.typing = buildTyping();
    this.fillIn();
    this.listen();
  }

  find(selector) {
    return this.element.querySelector(selector);
  }

  fillIn() {
    this.find(".name").value = this.settings.name;
    this.find(".number").value = this.settings.number;
    this.element.setAttribute("aria-label", `Phone of ${this.settings.name}`);
  }

  async offerExamples() {
    const { client } = this.settings;
    if (!client || client === this.askable) return;
    this.askable = client;
    try {
      const answer = await fetch(`/chat/examples?${new URLSearchParams({ phone_number_id: client })}`);
      const { examples } = await answer.json();
      if (client !== this.settings.client) return;
      this.find(".chips").replaceChildren(...examples.map((text) => this.buildChip(text)));
      this.find(".tries").hidden = examples.length === 0;
    } catch {
      // The next look around asks again.
      this.askable = null;
    }
  }

  buildChip(text) {
    const item = document.createElement("li");
    const chip = document.createElement("button");
    chip.type = "button";
    chip.className = "chip";
    chip.textContent = text;
    chip.addEventListener("click", () => this.send(text));
    item.append(chip);
    return item;
  }

  listen() {
    const text = this.find(".text");
    this.find(".composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.sendTyped();
    });
    text.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.sendTyped();
    });
    text.addEventListener("input", () => this.fitText());
    this.find(".owner").addEventListener("click", () => this.sendTyped("owner"));
    this.find(".me").addEventListener("submit", (event) => event.preventDefault());
    this.find(".me").addEventListener("change", () => this.changeCustomer());
    this.find(".client").addEventListener("change", (event) => {
      this.settings.client = event.target.value;
      this.changeChat();
    });
  }

  get who() {
    const typed = this.settings.number.trim();
    if (USER_ID.test(typed)) return { user_id: typed };
    const digits = typed.replace(/[\s().-]/g, "");
    return NUMBER.test(digits) ? { from: digits } : null;
  }

  offerClients(clients) {
    const select = this.find(".client");
    const options = clients.map((client) => new Option(client.name, client.phone_number_id));
    if (options.length === 0) options.push(new Option("No client yet: released client add", ""));
    const isSame = (option, index) =>
      select.options[index]?.value === option.value && select.options[index]?.text === option.text;
    if (options.length === select.options.length && options.every(isSame)) return;
    select.replaceChildren(...options);
    select.value = this.settings.client;
    if (select.selectedIndex === -1) select.selectedIndex = 0;
    this.showAvatar();
    if (select.value === this.settings.client) return;
    this.settings.client = select.value;
    this.changeChat();
  }

  showAvatar() {
    const name = this.find(".client").selectedOptions[0]?.text ?? "";
    this.find(".avatar").textContent = [...name][0]?.toUpperCase() ?? "";
  }

  changeCustomer() {
    this.settings.name = this.find(".name").value.trim();
    this.settings.number = this.find(".number").value;
    this.element.setAttribute("aria-label", `Phone of ${this.settings.name}`);
    this.changeChat();
  }

  changeChat() {
    const wrong = this.find(".wrong");
    wrong.hidden = this.who !== null;
    wrong.textContent = this.who ? "" : "Give a number with its country code, such as +34 600 111 222.";
    this.find(".number").setAttribute("aria-invalid", String(this.who === null));
    this.userId = null;
    this.bubbles.clear();
    this.log.replaceChildren();
    this.hideTyping();
    this.showAvatar();
    this.showEmpty();
    this.onChange();
    this.reload();
    this.offerExamples();
  }

  async reload() {
    const { who } = this;
    const { client, number } = this.settings;
    if (!who || !client) return;
    const query = new URLSearchParams({ phone_number_id: client, customer: who.user_id ?? who.from });
    try {
      const answer = await fetch(`/chat/messages?${query}`);
      if (!answer.ok || client !== this.settings.client || number !== this.settings.number) return;
      this.takeTranscript(await answer.json());
    } catch {
      // The stream of events says that the sandbox has stopped, and reloads when it is back.
    }
  }

  takeTranscript(transcript) {
    this.userId = transcript.user_id;
    for (const message of transcript.messages) this.showMessage(message);
    if (transcript.typing && transcript.seq >= this.latest) this.showTyping(25);
    if (!this.hasMissed) return;
    this.hasMissed = false;
    this.reload();
  }

  isAbout(event) {
    // Until the first transcript has said who we are, what happens may be ours: it is read again.
    this.hasMissed ||= this.userId === null;
    return event.phone_number_id === this.settings.client && event.user_id === this.userId;
  }

  showMessage(message) {
    const known = this.bubbles.get(message.wamid);
    if (known && known.message.changed >= message.changed) return;
    this.latest = Math.max(this.latest, message.changed);
    if (message.direction === "out") this.hideTyping();
    if (known && !(message.status === "failed" && message.direction === "out")) {
      known.message = message;
      setStatus(known.element, message);
      return;
    }
    this.append(message);
  }

  append(message) {
    const isNear = this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < NEAR_BOTTOM_PX;
    const last = [...this.bubbles.values()].at(-1)?.message;
    const isNewDay = !last || new Date(last.at).toDateString() !== new Date(message.at).toDateString();
    const isFirst = isNewDay || last.direction !== message.direction;
    const quoted = this.bubbles.get(message.reply_to)?.message.text;
    const element =
      message.direction === "out" && message.status === "failed"
        ? buildNotice(message)
        : buildBubble(message, { isFirst, quoted });
    if (isNewDay) this.log.append(buildDay(message.at));
    this.log.append(element);
    if (this.typing.isConnected) this.log.append(this.typing);
    this.bubbles.set(message.wamid, { message, element });
    this.showEmpty();
    if (isNear || message.direction === "in") this.scrollDown();
  }

  showEmpty() {
    this.find(".empty").hidden = this.bubbles.size > 0;
  }

  showTyping(seconds) {
    clearTimeout(this.typingTimer);
    this.typingTimer = setTimeout(() => this.hideTyping(), seconds * 1000);
    this.log.append(this.typing);
    this.find(".presence").textContent = "typing…";
    this.scrollDown();
  }

  hideTyping() {
    clearTimeout(this.typingTimer);
    this.typing.remove();
    this.find(".presence").textContent = "online";
  }

  scrollDown() {
    this.log.scrollTop = this.log.scrollHeight;
  }

  fitText() {
    const text = this.find(".text");
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight}px`;
  }

  sendTyped(as = "customer") {
    const text = this.find(".text");
    const typed = text.value.trim();
    if (!typed || !this.who || !this.settings.client) return;
    text.value = "";
    this.fitText();
    this.send(typed, as);
  }

  async send(text, as = "customer") {
    const { who } = this;
    if (!who || !this.settings.client) return;
    const id = makeWamid();
    const at = new Date().toISOString();
    const direction = as === "owner" ? "out" : "in";
    this.append({ wamid: id, direction, type: "text", text, status: "pending", at, changed: 0 });
    const name = this.settings.name || undefined;
    const body = JSON.stringify({ phone_number_id: this.settings.client, text, id, name, as, ...who });
    try {
      const headers = { "Content-Type": "application/json" };
      const answer = await fetch("/chat/messages", { method: "POST", headers, body });
      if (!answer.ok) throw new Error((await answer.json()).error);
    } catch (error) {
      const unsent = this.bubbles.get(id);
      if (unsent) setStatus(unsent.element, { ...unsent.message, status: "unsent", why: error.message });
    }
  }
}
