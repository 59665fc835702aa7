// What a script adds: the token stays while the tab is open, curl can be copied.
"use strict";

const token = document.getElementById("token");
if (token) {
  token.value ||= sessionStorage.getItem("token") ?? "";
  const keep = () => sessionStorage.setItem("token", token.value.trim());
  keep();
  token.addEventListener("input", keep);
}

for (const input of document.querySelectorAll("input[type=password]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = "Show";
  button.setAttribute("aria-label", "Show what is typed");
  button.addEventListener("click", () => {
    const isHidden = input.type === "password";
    input.type = isHidden ? "text" : "password";
    button.textContent = isHidden ? "Hide" : "Show";
  });
  input.after(button);
}

const curl = document.querySelector(".curl");
if (curl && navigator.clipboard) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(curl.textContent);
    button.textContent = "Copied";
  });
  curl.after(button);
}
