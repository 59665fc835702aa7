// Swagger UI and RapiDoc leave parts without a name that a screen reader can say, put a link into a
// button, and have a list that no key scrolls.
"use strict";

const repairs = [
  [".copy-to-clipboard button:not([aria-label])", (it) => it.setAttribute("aria-label", "Copy")],
  ["select:not([aria-label])", (it) => {
    const parameter = it.closest("[data-param-name]")?.dataset.paramName;
    it.setAttribute("aria-label", parameter ?? "Media type");
  }],
  ["textarea:not([aria-label])", (it) => it.setAttribute("aria-label", "Body")],
  [".opblock-summary-control a[href]", (it) => it.removeAttribute("href")],
  [".nav-scroll:not([tabindex])", (it) => it.setAttribute("tabindex", "0")],
];
const watched = new WeakSet();

function watch(root) {
  const repair = () => {
    for (const [what, how] of repairs) root.querySelectorAll(what).forEach(how);
    // Parts of RapiDoc have documents of their own, which no selector looks into.
    for (const { shadowRoot } of root.querySelectorAll("*")) {
      if (shadowRoot && !watched.has(shadowRoot)) watch(shadowRoot);
    }
  };
  watched.add(root);
  new MutationObserver(repair).observe(root, { childList: true, subtree: true });
  repair();
}
watch(document);
