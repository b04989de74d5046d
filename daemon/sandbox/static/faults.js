// The panel "Make it fail": a few faults as checkboxes, kept in step with the sandbox.
// Owns the panel; all faults there are can be set with PUT /sandbox/faults.

const FAULTS = {
  latency: { latency_ms: 2000 },
  error: { error: { code: 131016, http_status: 400, count: 3 } },
  drop: { drop_after_accept: 1 },
  duplicates: { duplicate_webhooks: 1 },
  reorder: { reorder_statuses: true },
  mute: { mute_statuses: true },
  token: { token_refused: true },
};
const LOOK_EVERY_MS = 2000;

export function watchFaults(panel) {
  const form = panel.querySelector("form");
  const boxes = [...form.querySelectorAll("input")];

  function show(current) {
    for (const box of boxes) box.checked = Boolean(current[Object.keys(FAULTS[box.name])[0]]);
    panel.toggleAttribute("data-on", boxes.some((box) => box.checked));
  }

  async function call(options) {
    try {
      const answer = await fetch("/sandbox/faults", options);
      if (answer.ok) show(await answer.json());
    } catch {
      // The banner says that the sandbox has stopped.
    }
  }

  form.addEventListener("change", async (event) => {
    const box = event.target;
    const before = await fetch("/sandbox/faults").then((answer) => answer.json(), () => ({}));
    const key = Object.keys(FAULTS[box.name])[0];
    delete before[key];
    const body = JSON.stringify({ ...before, ...(box.checked ? FAULTS[box.name] : {}) });
    await call({ method: "PUT", headers: { "Content-Type": "application/json" }, body });
  });
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape") panel.open = false;
  });
  call();
  setInterval(() => (document.hidden ? undefined : call()), LOOK_EVERY_MS);
}
