"use strict";
// The token stands behind the # of the link, which browsers send to nobody. It goes out once, in the body of a request.
const form = document.getElementById("form");
const said = document.getElementById("said");
const send = document.getElementById("send");
const password = document.getElementById("password");
const show = document.getElementById("show");
const kind = form.dataset.kind;
const token = location.hash.slice(1);
// Neither a glance at the address nor the browser's history shall give it away.
history.replaceState(null, "", location.pathname);

function say(good, text, points) {
  said.replaceChildren();
  const line = document.createElement("div");
  line.className = good ? "good" : "bad";
  line.textContent = text;
  if (points && points.length) {
    const list = document.createElement("ul");
    for (const point of points) {
      const item = document.createElement("li");
      item.textContent = point;
      list.append(item);
    }
    line.append(list);
  }
  said.append(line);
}

if (!token) {
  form.hidden = true;
  say(false, "This link is not whole. Open it again from the letter, or copy all of it.");
}
if (show) {
  show.addEventListener("change", () => {
    password.type = show.checked ? "text" : "password";
  });
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (password && !password.value) {
    say(false, "Type a password first.");
    password.focus();
    return;
  }
  send.disabled = true;
  said.textContent = "One moment…";
  const address = kind === "password" ? "/api/v1/auth/password/link" : "/api/v1/auth/email/confirm";
  const body = kind === "password" ? { token, password: password.value } : { token };
  try {
    const answer = await fetch(address, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      credentials: "omit",
    });
    if (answer.ok) {
      form.hidden = true;
      say(true, kind === "password" ? "Your password is set. You can sign in with it now." : "Your new address is confirmed.");
      return;
    }
    const problem = await answer.json().catch(() => ({}));
    const points = (problem.errors || []).map((error) => error.message);
    if (answer.status === 410) {
      form.hidden = true;
    }
    say(false, points.length ? "This password can't be taken:" : problem.detail || "It didn't work. Try again in a moment.", points);
  } catch {
    say(false, "There is no connection. Your link is still good: try again.");
  }
  send.disabled = false;
});
