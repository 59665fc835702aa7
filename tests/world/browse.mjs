// Plays one story in a real Chromium: a JSON story on standard input, a JSON report on standard output.
// The first argument is the folder in which playwright-core was installed; tests/it/world/browser.rs
// writes the stories and says what a step can be.

import { createRequire } from "node:module";
import { text } from "node:stream/consumers";

const require = createRequire(`${process.argv[2]}/`);
const { chromium } = require("playwright-core");
const { source: axe } = require("axe-core");
const story = JSON.parse(await text(process.stdin));
const report = {
  read: [], console: [], violations: [], foreign: [], judged: 0, findings: [], failed: null,
};

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
  ],
});
const context = await browser.newContext({
  // The certificate authority of the tests is not in Chromium's store.
  ignoreHTTPSErrors: true,
  javaScriptEnabled: story.scripts,
  colorScheme: story.colours,
  viewport: { width: story.width, height: 900 },
  locale: "en-GB",
});
context.setDefaultTimeout(story.patience);
const page = await context.newPage();

page.on("console", (message) => {
  if (message.type() !== "error" && message.type() !== "warning") return;
  const said = message.text();
  const isPolicy = said.includes("Content Security Policy");
  (isPolicy ? report.violations : report.console).push(said);
});
page.on("pageerror", (error) => report.console.push(String(error)));
page.on("request", (request) => {
  const { protocol, host } = new URL(request.url());
  const isOverTheWire = protocol === "http:" || protocol === "https:";
  if (isOverTheWire && !story.home.includes(host)) report.foreign.push(request.url());
});

// Has axe-core look for what keeps people out of the page. Its script enters by the debugger's door, at
// which no policy stands.
async function judge() {
  const { violations } = await page.evaluate(`${axe}; axe.run({ resultTypes: ["violations"] })`);
  report.judged += 1;
  for (const { id, impact, nodes } of violations) {
    if (impact !== "serious" && impact !== "critical") continue;
    for (const { target, failureSummary } of nodes) {
      report.findings.push({ page: page.url(), id, target: target.join(" "), why: failureSummary });
    }
  }
}

const play = {
  open: (step) => page.goto(step.url),
  fill: (step) => page.fill(step.field, step.text),
  click: (step) => page.click(step.what),
  press: (step) => page.keyboard.press(step.key),
  see: (step) => page.getByText(step.text).filter({ visible: true }).first().waitFor(),
  find: (step) => page.locator(step.what).first().waitFor(),
  judge,
  arrive: (step) => page.waitForURL((url) => url.href.startsWith(step.at)),
  read: async (step) => report.read.push(await page.locator(step.what).first().innerText()),
  look: (step) =>
    step.what
      ? page.locator(step.what).screenshot({ path: step.file })
      : page.screenshot({ path: step.file, fullPage: step.whole ?? true }),
  reload: () => page.reload(),
};

for (const step of story.steps) {
  try {
    await play[step.do](step);
  } catch (error) {
    report.failed = `${JSON.stringify(step)}: ${error.message}`;
    break;
  }
}
// What a page asks for after its last step belongs to the story.
await page.waitForLoadState("networkidle").catch(() => {});
report.url = page.url();
report.title = await page.title();
report.text = await page.locator("body").innerText();
report.cookies = await context.cookies();
await browser.close();
process.stdout.write(JSON.stringify(report));
