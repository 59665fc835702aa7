//! The OpenAPI document in other people's hands: two linters find nothing to say, and the clients that
//! four generators make of it compile and lead an account through its life, unchanged.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use serde_json::{Value, json};

use super::{file, packages, part, program};
use crate::server::{Server, Site, run};

/// A folder with what `tests/world/clients/package-lock.json` names.
#[track_caller]
fn npm() -> Option<&'static Path> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        program("node")?;
        packages::npm(&file("clients"), "npm-clients")
    });
    part(found.as_deref().map_err(String::clone))
}

/// A virtual environment with what `tests/world/clients/requirements.txt` names.
#[track_caller]
pub fn venv() -> Option<&'static Path> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found =
        FOUND.get_or_init(|| packages::pip(&file("clients/requirements.txt"), "venv-clients"));
    part(found.as_deref().map_err(String::clone))
}

#[track_caller]
fn succeed(command: &mut Command) -> String {
    let outcome = run(command, "");
    let (out, err) = (outcome.out, outcome.err);
    assert_eq!(outcome.code, Some(0), "{command:?}\n{out}{err}");
    out
}

/// A folder with the document that a server gives to generators.
fn workshop(site: &Site, server: &Server) -> PathBuf {
    let folder = site.path("workshop");
    std::fs::create_dir(&folder).expect("a folder");
    let document = server.get("/openapi.json?bodies=json", "").json();
    std::fs::write(folder.join("document.json"), document.to_string()).expect("the document");
    folder
}

fn url(server: &Server) -> String {
    format!("http://{}", server.address())
}

#[test]
fn redocly_and_spectral_find_nothing_in_the_document() {
    let Some(npm) = npm() else {
        return;
    };
    let site = Site::new();
    let documents = [
        ("all.json", &[][..]),
        ("json.json", &["--bodies", "json"]),
        ("all.yaml", &["--format", "yaml"]),
    ];
    let documents = documents.map(|(name, how)| {
        let text = run(site.bare().arg("openapi").args(how), "").ok();
        std::fs::write(site.path(name), text).expect("a document");
        name
    });
    let lint = |tool: &str, options: &[&str]| {
        let mut lint = Command::new(npm.join("node_modules/.bin").join(tool));
        lint.args(["lint", "--format", "json"]).args(options);
        lint.arg(file("clients").join(format!("{tool}.yaml")));
        lint.env("REDOCLY_TELEMETRY", "off");
        succeed(lint.args(documents).current_dir(site.path("")))
    };
    let out = lint("redocly", &["--config"]);
    let reports = serde_json::Deserializer::from_str(&out).into_iter::<Value>();
    let reports: Vec<_> = reports.map(|it| it.expect("a report")).collect();
    assert_eq!(reports.len(), documents.len());
    for report in reports {
        let problems = report["problems"].as_array().expect("a list");
        assert!(problems.is_empty(), "{problems:#?}");
    }
    let out = lint("spectral", &["--fail-severity", "hint", "--ruleset"]);
    assert!(out.starts_with("[]"), "{out}");
}

#[test]
fn clients_of_openapi_fetch_and_of_orval_compile_and_work() {
    let Some(npm) = npm() else {
        return;
    };
    let site = Site::new();
    let server = site.start(&[]);
    let folder = workshop(&site, &server);
    symlink(npm.join("node_modules"), folder.join("node_modules")).expect("a link");
    for name in ["openapi-fetch.ts", "orval.ts", "tsconfig.json"] {
        std::fs::copy(file("clients").join(name), folder.join(name)).expect("a copy");
    }
    let output = json!({ "target": "./client.ts", "client": "fetch", "baseUrl": url(&server) });
    let orval = json!({ "minisass": { "input": "./document.json", "output": output } });
    for (name, text) in [
        ("orval.json", orval),
        ("package.json", json!({ "type": "module" })),
    ] {
        std::fs::write(folder.join(name), text.to_string()).expect("a file");
    }
    let tool = |name: &str, arguments: &[&str]| {
        let mut tool = Command::new(npm.join("node_modules/.bin").join(name));
        succeed(tool.args(arguments).current_dir(&folder))
    };
    tool(
        "openapi-typescript",
        &["document.json", "-o", "schema.d.ts"],
    );
    tool("orval", &["--config", "orval.json"]);
    tool("tsc", &["-p", "tsconfig.json"]);
    for story in ["openapi-fetch", "orval"] {
        let script = folder.join("out").join(format!("{story}.js"));
        succeed(Command::new("node").arg(script).arg(url(&server)));
    }
}

#[test]
fn a_client_of_openapi_python_client_works() {
    let Some(venv) = venv() else {
        return;
    };
    let site = Site::new();
    let server = site.start(&[]);
    let folder = workshop(&site, &server);
    std::fs::copy(file("clients/story.py"), folder.join("story.py")).expect("a copy");
    let mut generate = Command::new(venv.join("bin/openapi-python-client"));
    generate.args([
        "generate",
        "--path",
        "document.json",
        "--output-path",
        "client",
    ]);
    let said = succeed(generate.args(["--meta", "none"]).current_dir(&folder));
    let skipped = said.matches("WARNING").count() - said.matches("ruff").count();
    assert_eq!(skipped, 0, "{said}");
    let python = || Command::new(venv.join("bin/python"));
    succeed(
        python()
            .args(["-m", "compileall", "-q", "client"])
            .current_dir(&folder),
    );
    succeed(
        python()
            .args(["story.py", &url(&server)])
            .current_dir(&folder),
    );
}

/// Gson and OkHttp, with which the generated client speaks, and the standard library.
fn kotlin_libraries(npm: &Path) -> Result<String, String> {
    let gson = "/usr/share/java/gson.jar";
    if !Path::new(gson).is_file() {
        return Err(format!("there is no {gson} (Debian: libgoogle-gson-java)"));
    }
    let okhttp = npm.join("node_modules/allure-commandline/dist/plugins/jira-plugin/lib");
    let jars = std::fs::read_dir(okhttp).map_err(|it| it.to_string())?;
    let jars = jars.filter_map(|it| it.ok()?.path().into_os_string().into_string().ok());
    let wanted = ["/okhttp-jvm-", "/okio-jvm-", "/kotlin-stdlib-"];
    let mut jars: Vec<_> = jars
        .filter(|jar| wanted.iter().any(|it| jar.contains(it)))
        .collect();
    jars.push(gson.to_owned());
    let reflection = npm.join("node_modules/kotlin-compiler/lib/kotlin-reflect.jar");
    jars.push(
        reflection
            .into_os_string()
            .into_string()
            .unwrap_or_default(),
    );
    Ok(jars.join(":"))
}

#[test]
fn a_client_of_openapi_generator_in_kotlin_compiles_and_works() {
    let (Some(venv), Some(npm), Some(java)) = (venv(), npm(), part(program("java"))) else {
        return;
    };
    let Some(libraries) = part(kotlin_libraries(npm)) else {
        return;
    };
    let site = Site::new();
    let server = site.start(&[]);
    let folder = workshop(&site, &server);
    let mut generate = Command::new(venv.join("bin/openapi-generator-cli"));
    generate.args([
        "generate",
        "-g",
        "kotlin",
        "-i",
        "document.json",
        "-o",
        "client",
    ]);
    generate.arg("--additional-properties=serializationLibrary=gson");
    succeed(generate.current_dir(&folder));
    let java = || {
        let mut java = Command::new(&java);
        // It is over soon: there is no time in which better code would pay.
        java.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]);
        java
    };
    let mut compile = java();
    let compiler = npm.join("node_modules/kotlin-compiler/lib/kotlin-compiler.jar");
    compile.arg("-cp").arg(compiler);
    compile.args(["org.jetbrains.kotlin.cli.jvm.K2JVMCompiler", "-nowarn"]);
    compile.args(["-no-stdlib", "-no-reflect", "-cp", &libraries, "-d", "out"]);
    compile.arg(file("clients/Story.kt"));
    succeed(compile.arg("client/src/main/kotlin").current_dir(&folder));
    let classes = format!("out:{libraries}");
    let mut story = java();
    story.args(["-cp", &classes, "StoryKt", &url(&server)]);
    succeed(story.current_dir(&folder));
}
