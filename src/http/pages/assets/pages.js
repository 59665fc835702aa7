// What a script adds: the token stays while the tab is open, curl can be copied.
"use strict";

const token = document.getElementById("token");
if (token) {
  token.value ||= sessionStorage.getItem("token") ?? "";
  const keep = () => sessionStorage.setItem("token", token.value.trim());
  keep();
  token.addEventListener("input", keep);
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
