// Lets people see the password that they type.
"use strict";

for (const input of document.querySelectorAll("input[type=password]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.setAttribute("aria-controls", input.id);
  // Tells a screen reader what the button has done.
  const state = document.createElement("span");
  state.className = "unseen";
  state.setAttribute("role", "status");
  const turn = (isShown) => {
    input.type = isShown ? "text" : "password";
    button.textContent = isShown ? "Hide password" : "Show password";
  };
  turn(false);
  button.addEventListener("click", () => {
    const isShown = input.type === "password";
    turn(isShown);
    state.textContent = isShown ? "The password is shown." : "The password is hidden.";
  });
  // Browsers remember what was typed into fields of text.
  input.form.addEventListener("submit", () => turn(false));
  input.after(button, state);
}
