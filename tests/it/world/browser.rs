//! Stories in a real Chromium, played by `tests/world/browse.mjs`: what a person does, and what the
//! browser has to say about it. Content-Security-Policy is enforced nowhere else.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::{beside_the_build, file, packages, part, program};
use crate::server::{PATIENCE, run};

/// A browser that can be sent through stories.
pub struct Browser {
    node: PathBuf,
    modules: PathBuf,
}

impl Browser {
    #[track_caller]
    pub fn find() -> Option<Self> {
        static FOUND: OnceLock<Result<(PathBuf, PathBuf), String>> = OnceLock::new();
        let found = FOUND.get_or_init(|| {
            program("chromium")?;
            let node = program("node")?;
            Ok((node, install()?))
        });
        part(found.clone()).map(|(node, modules)| Self { node, modules })
    }

    /// A story on a site that is served at these hosts (`host:port`); a request to any other is
    /// foreign.
    pub fn story(&self, home: &[&str]) -> Story<'_> {
        Story {
            browser: self,
            head: json!({
                "home": home, "scripts": true, "colours": "light", "width": 1000,
                "patience": PATIENCE.as_millis() as u64,
            }),
            steps: Vec::new(),
        }
    }
}

/// Puts what the tests need of npm beside the build, in the versions that the lock file names.
pub fn install() -> Result<PathBuf, String> {
    packages::npm(&file(""), "npm")
}

/// What a person does, step by step. `what` and `field` are selectors of playwright, such as
/// `button`, `#name`, `text=Log in`.
pub struct Story<'a> {
    browser: &'a Browser,
    head: Value,
    steps: Vec<Value>,
}

impl Story<'_> {
    fn step(mut self, step: Value) -> Self {
        self.steps.push(step);
        self
    }

    /// Without JavaScript.
    pub fn without_scripts(mut self) -> Self {
        self.head["scripts"] = json!(false);
        self
    }

    /// For somebody who likes it dark.
    pub fn in_the_dark(mut self) -> Self {
        self.head["colours"] = json!("dark");
        self
    }

    /// On a screen of so many pixels across.
    pub fn on_width(mut self, pixels: u32) -> Self {
        self.head["width"] = json!(pixels);
        self
    }

    pub fn open(self, url: &str) -> Self {
        self.step(json!({"do": "open", "url": url}))
    }

    pub fn fill(self, field: &str, text: &str) -> Self {
        self.step(json!({"do": "fill", "field": field, "text": text}))
    }

    pub fn click(self, what: &str) -> Self {
        self.step(json!({"do": "click", "what": what}))
    }

    /// A key, such as `Enter` or `Control+A`.
    pub fn press(self, key: &str) -> Self {
        self.step(json!({"do": "press", "key": key}))
    }

    /// Waits until this text can be seen.
    pub fn see(self, text: &str) -> Self {
        self.step(json!({"do": "see", "text": text}))
    }

    /// Waits until there is such an element to be seen.
    pub fn find(self, what: &str) -> Self {
        self.step(json!({"do": "find", "what": what}))
    }

    /// Has axe-core look for what keeps people out of the page as it stands: [`Seen::findings`].
    pub fn judge(self) -> Self {
        self.step(json!({"do": "judge"}))
    }

    /// Waits until the address starts so.
    pub fn arrive(self, url: &str) -> Self {
        self.step(json!({"do": "arrive", "at": url}))
    }

    /// Notes the text of an element.
    pub fn read(self, what: &str) -> Self {
        self.step(json!({"do": "read", "what": what}))
    }

    pub fn reload(self) -> Self {
        self.step(json!({"do": "reload"}))
    }

    /// Takes a picture of the whole page, `target/tmp/world/screens/NAME.png`.
    pub fn look(self, name: &str) -> Self {
        let folder = beside_the_build("screens");
        std::fs::create_dir_all(&folder).expect("a folder");
        let file = folder.join(format!("{name}.png"));
        self.step(json!({"do": "look", "file": file}))
    }

    /// Takes a picture of what fits on the screen.
    pub fn glance(mut self, name: &str) -> Self {
        self = self.look(name);
        let step = self.steps.last_mut().expect("a look");
        step["whole"] = json!(false);
        self
    }

    /// Takes a picture of a part of the page.
    pub fn look_at(mut self, what: &str, name: &str) -> Self {
        self = self.look(name);
        let step = self.steps.last_mut().expect("a look");
        step["what"] = json!(what);
        self
    }

    /// Plays it. A step that could not be done is told in [`Seen::failed`].
    #[track_caller]
    pub fn play(mut self) -> Seen {
        self.head["steps"] = Value::Array(self.steps);
        let mut driver = Command::new(&self.browser.node);
        driver
            .arg(file("browse.mjs"))
            .arg::<&Path>(&self.browser.modules);
        let report = run(&mut driver, &self.head.to_string()).json();
        Seen { report }
    }
}

/// What was seen, and what the browser complained about.
pub struct Seen {
    report: Value,
}

impl Seen {
    fn list(&self, name: &str) -> Vec<String> {
        let list = self.report[name].as_array().expect("a list").iter();
        list.map(|it| it.as_str().expect("a text").to_owned())
            .collect()
    }

    /// The step that could not be done, and why.
    pub fn failed(&self) -> Option<&str> {
        self.report["failed"].as_str()
    }

    /// What the steps read, in their order.
    pub fn read(&self) -> Vec<String> {
        self.list("read")
    }

    /// What stood on the last page.
    pub fn text(&self) -> &str {
        self.report["text"].as_str().expect("a text")
    }

    /// Where the story ended.
    pub fn url(&self) -> &str {
        self.report["url"].as_str().expect("a text")
    }

    /// Errors and warnings of the console, but for the policy's.
    pub fn complaints(&self) -> Vec<String> {
        self.list("console")
    }

    /// What the Content-Security-Policy forbade.
    pub fn violations(&self) -> Vec<String> {
        self.list("violations")
    }

    /// Requests to other hosts than the story's home.
    pub fn foreign(&self) -> Vec<String> {
        self.list("foreign")
    }

    /// What axe-core calls serious or critical, and on how many pages it has looked for that.
    pub fn findings(&self) -> (&[Value], u64) {
        let findings = self.report["findings"].as_array().expect("a list");
        (findings, self.report["judged"].as_u64().expect("a number"))
    }

    /// A cookie of the browser, with its attributes.
    pub fn cookie(&self, name: &str) -> Option<&Value> {
        let cookies = self.report["cookies"].as_array().expect("a list");
        cookies.iter().find(|it| it["name"] == name)
    }

    /// The story went to its end, and the browser had no complaint.
    #[track_caller]
    pub fn assert_clean(&self) -> &Self {
        self.assert_no_complaint(&self.complaints())
    }

    /// The same where answers are refusals: the browser tells each status of 400 or more by itself.
    #[track_caller]
    pub fn assert_clean_but_for_statuses(&self) -> &Self {
        let mut complaints = self.complaints();
        complaints.retain(|it| !it.contains("the server responded with a status"));
        self.assert_no_complaint(&complaints)
    }

    #[track_caller]
    fn assert_no_complaint(&self, complaints: &[String]) -> &Self {
        assert_eq!(self.failed(), None, "{}\n{}", self.url(), self.text());
        assert!(complaints.is_empty(), "console: {complaints:#?}");
        for (what, told) in [
            ("policy", self.violations()),
            ("foreign requests", self.foreign()),
        ] {
            assert!(told.is_empty(), "{what}: {told:#?}");
        }
        self
    }

    /// Nothing keeps people out of the pages that were judged.
    #[track_caller]
    pub fn assert_accessible(&self) -> &Self {
        let (findings, pages) = self.findings();
        assert!(pages > 0, "no page was judged");
        assert!(findings.is_empty(), "{findings:#?}");
        self
    }
}
