// Without this script every page works too; with it the live page moves, and times are those of the place.
"use strict";

for (const time of document.querySelectorAll("time")) {
  const at = new Date(time.dateTime);
  if (!isNaN(at)) { time.title = time.dateTime; time.textContent = at.toLocaleString(); }
}

for (const form of document.querySelectorAll("form[enctype]")) {
  form.addEventListener("submit", () => {
    const button = form.querySelector("button");
    button.disabled = true;
    button.textContent = "Looking…";
  });
}

const live = document.getElementById("live");
if (live) {
  const picture = document.getElementById("picture");
  const boxes = document.getElementById("boxes");
  const state = document.getElementById("state");
  const reason = document.getElementById("reason");
  let frame = null;
  let waiting = false;
  picture.addEventListener("load", () => { waiting = false; });
  picture.addEventListener("error", () => { waiting = false; frame = null; });

  const show = (now) => {
    state.textContent = now.words;
    state.className = "badge " + (now.hangs ? "hangs" : now.state);
    if (reason.textContent !== now.reason) reason.textContent = now.reason;
    boxes.setAttribute("viewBox", `0 0 ${now.width} ${now.height}`);
    boxes.replaceChildren(...(now.boxes || []).map((face) => {
      const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      rect.setAttribute("class", face.subject ? "subject" : "other");
      for (const side of ["x", "y", "width", "height"]) rect.setAttribute(side, face[side]);
      return rect;
    }));
    if (now.frame !== frame && !waiting) {
      frame = now.frame;
      waiting = true;
      picture.src = "/live.jpg?" + frame;
    }
  };

  const turn = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch("/live.json", { cache: "no-store" });
        if (answer.status === 401) { location.href = "/login"; return; }
        show(await answer.json());
      } catch {
        state.textContent = "No answer";
        state.className = "badge hangs";
        reason.textContent = "The page does not reach the door.";
      }
    }
    setTimeout(turn, 250);
  };
  turn();
}
